import { element } from "./svg.js";
import { fixed } from "./words.js";

const HEIGHT = 230;
/** Room for numbers, and at the right. */
const [LEFT, BOTTOM, RIGHT, TOP] = [46, 30, 14, 10];

/**
 * Draws C_T of the best placement and what is proved, over seconds.
 *
 * @param host Element that the chart fills.
 * @param layer What is known of a layer: its points in time, and C_T in the order of numbers.
 */
export function drawChart(host, layer) {
  const { points, first } = layer;
  const width = Math.max(240, host.clientWidth);
  const svg = element("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, "font-size": 12 });
  const seconds = Math.max(0.1, points.at(-1)?.seconds ?? 0);
  if (points.length > 0 && points.every(({ cost }) => cost !== undefined)) {
    const scale = scaleOf(points, { width, seconds });
    svg.append(...axesOf(scale));
    const incumbent = points.map(({ seconds: at, cost }) => ({ at, value: cost }));
    const bounds = points.flatMap(({ seconds: at, bound }) =>
      bound === undefined ? [] : { at, value: bound },
    );
    if (bounds.length > 0) svg.append(undecided(incumbent, bounds, scale));
    for (const [name, values] of [
      ["incumbent", incumbent],
      ["bound", bounds],
    ]) {
      svg.append(element("path", { class: name, d: stepsOf(values, scale) }));
      const last = values.at(-1);
      if (last) {
        svg.append(element("circle", { class: name, r: 4, cx: scale.x(seconds), cy: scale.y(last.value) }));
      }
    }
  } else svg.append(element("text", { x: LEFT, y: HEIGHT / 2 }, "loads without tokens have no C_T"));
  host.replaceChildren(svg);
  host.setAttribute(
    "aria-label",
    `layer ${layer.layer}: C_T ${fixed(layer.cost ?? first)}, ${layer.bound ? `at least ${fixed(layer.bound)}` : "nothing proved"}, after ${seconds.toFixed(1)} s`,
  );
}

/** Where seconds and costs lie. */
function scaleOf(points, { width, seconds }) {
  const costs = points.flatMap(({ cost, bound }) => (bound === undefined ? [cost] : [cost, bound]));
  const [least, most] = [Math.min(...costs), Math.max(...costs)];
  const room = (most - least || 0.1) * 0.08;
  const range = most - least + 2 * room || 1;
  return {
    least,
    most,
    seconds,
    end: width - RIGHT,
    x: (at) => LEFT + (at / seconds) * (width - LEFT - RIGHT),
    y: (cost) => TOP + ((most + room - cost) / range) * (HEIGHT - BOTTOM - TOP),
  };
}

function axesOf({ least, most, seconds, end, x, y }) {
  const costs = [least, (least + most) / 2, most].flatMap((cost) => [
    element("path", { class: "axis", style: "stroke-width:1", d: `M${LEFT} ${y(cost)}H${end}` }),
    element("text", { x: LEFT - 6, y: y(cost) + 4, "text-anchor": "end" }, cost.toFixed(2)),
  ]);
  const times = [
    [0, "start"],
    [seconds, "end"],
  ].map(([at, anchor]) =>
    element("text", { x: x(at), y: HEIGHT - 8, "text-anchor": anchor }, `${at.toFixed(at < 10 ? 1 : 0)} s`),
  );
  return [...costs, ...times];
}

/** A line that keeps its height until the next value. */
function stepsOf(values, { x, y, seconds }) {
  const path = values.map(({ at, value }, index) =>
    index === 0 ? `M${x(at)} ${y(value)}` : `H${x(at)}V${y(value)}`,
  );
  return path.length === 0 ? "" : `${path.join("")}H${x(seconds)}`;
}

/** What is not decided yet lies between the lines. */
function undecided(incumbent, bounds, { x, y, seconds }) {
  const backwards = [...bounds].reverse();
  const low = backwards.map(({ at }, index) => {
    const before = backwards[index + 1];
    return before ? `H${x(at)}V${y(before.value)}` : `H${x(at)}`;
  });
  const from = bounds[0].at;
  const high = incumbent.filter(({ at }) => at <= from).at(-1) ?? incumbent[0];
  const steps = incumbent.filter(({ at }) => at > from).map(({ at, value }) => `H${x(at)}V${y(value)}`);
  return element("path", {
    class: "gap",
    d: `M${x(from)} ${y(high.value)}${steps.join("")}H${x(seconds)}V${y(bounds.at(-1).value)}${low.join("")}Z`,
  });
}
