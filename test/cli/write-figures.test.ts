import { expect } from "chai";
import { decode } from "fast-png";
import { join } from "node:path";
import { writePicture } from "../../cli/write-figures.js";
import { encodePng } from "../../lib/report/png.js";
import { openWorkplace } from "./run-cli.js";

describe("writePicture", () => {
  it("draws the pixels of a heat map as squares, because shades between two pairs of experts are nobody's", async () => {
    const shades = [[0, 0, 0], [80, 80, 80], [160, 160, 160], [255, 255, 255]] as const; // prettier-ignore
    const heat = encodePng(Uint8Array.of(0, 1, 2, 3), { width: 2, palette: shades });
    const href = `data:image/png;base64,${Buffer.from(heat).toString("base64")}`;
    const place = openWorkplace();
    await writePicture(
      join(place.folder, "heat.svg"),
      '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">' +
        `<image href="${href}" width="20" height="20" style="image-rendering: pixelated"/></svg>`,
      { png: true },
    );
    const { width, channels, data } = decode(place.readBytes("heat.png"));
    place.remove();
    const reds = Array.from({ length: data.length / channels }, (_, pixel) => data[pixel * channels]);
    expect([...new Set(reds)].sort((left, right) => left - right)).to.deep.equal([0, 80, 160, 255]);
    const middle = width / 2;
    expect([reds[middle - 1], reds[middle]]).to.deep.equal([0, 80]);
  });
});
