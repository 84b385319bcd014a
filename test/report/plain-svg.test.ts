import { expect } from "chai";
import { plainSvg } from "../../lib/report/plain-svg.js";
import { pictureStyle, reportColours } from "../../lib/report/report-style.js";

const drawn = (content: string) =>
  plainSvg(`<svg viewBox="0 0 9 9"><style>${reportColours}${pictureStyle}</style>${content}</svg>`);

describe("plainSvg", () => {
  it("writes light colours out, of attributes, of rules and of styles", () => {
    expect(drawn('<rect fill="var(--best)"/>')).to.contain('<rect fill="#0072b2"');
    expect(drawn('<g class="loads"><rect class="after"/></g>')).to.contain('fill="#0072b2"');
    expect(drawn('<rect style="fill: var(--bound)"/>')).to.contain('fill="#b34700"');
  });

  it("works out mixtures by the numbers of each element", () => {
    const plan = (load: number) =>
      drawn(`<g class="plan"><g style="--load: ${load}"><rect class="chiplet"/></g></g>`);
    expect(plan(0)).to.contain('fill="#ffffff"');
    expect(plan(1)).to.contain('fill="#bad9ea"').and.contain('stroke="#0072b2"');
    const link = drawn('<g class="plan"><path class="link" style="--busy: 0.5"/></g>');
    expect(link).to.contain('stroke-width="3.5"');
  });

  it("leaves nothing for a program to work out", () => {
    expect(drawn('<g class="plan"><rect class="chiplet" style="--load: 1.5"/></g>')).to.not.match(
      /var\(|calc\(|color-mix|<style/,
    );
  });
});
