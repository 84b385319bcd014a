import { element } from "./svg.js";

/** Side of an expert's square. */
const CELL = 22;
/** Between chiplets, and between groups. */
const CHIPLET_SPACE = 6;
const GROUP_SPACE = 10;

/**
 * Draws chiplets in their groups; experts are squares that glide to where they are placed.
 *
 * @param host Element that the plan fills.
 * @param layer What is placed of a layer: its number and the experts on every chiplet.
 * @param loads Tokens of every expert.
 */
export function drawPlan(host, layer, { loads, numGroups }) {
  const layout = layoutOf(layer.chiplets, numGroups, Math.max(240, host.clientWidth));
  let svg = host.firstElementChild;
  const key = [layer.layer, layout.key].join();
  if (svg?.dataset.key !== key) {
    // Squares of a plan of the same shape glide from layer to layer; any other is drawn anew.
    svg = emptyPlan(layout);
    svg.dataset.key = key;
    svg.append(...squaresOf(loads));
    host.replaceChildren(svg);
  }
  moveExperts(svg, layer.chiplets, layout);
  const chipletLoads = loadsOfChiplets(layer.chiplets, loads);
  const mean = chipletLoads.reduce((sum, load) => sum + load, 0) / chipletLoads.length;
  chipletLoads.forEach((load, chiplet) => {
    const bar = svg.querySelector(`[data-bar="${chiplet}"]`);
    // Half of a bar is the mean; what is beyond twice the mean is cut.
    bar.style.transform = `scaleX(${Math.min(1, load / mean / 2)})`;
    bar.classList.toggle("over", load > 1.25 * mean);
  });
  host.setAttribute(
    "aria-label",
    `layer ${layer.layer} on ${chipletLoads.length} chiplets in ${numGroups} groups: ` +
      layer.chiplets
        .map((experts, chiplet) => `chiplet ${chiplet} holds experts ${experts.join(" ")}`)
        .join("; "),
  );
}

/** Tokens of every chiplet's experts. */
export function loadsOfChiplets(chiplets, loads) {
  return chiplets.map((experts) => experts.reduce((sum, expert) => sum + loads[expert], 0));
}

/** Sizes and places of everything: as many groups beside each other as there is room for, as wide as they come out evenly. */
function layoutOf(chiplets, numGroups, width) {
  const numChiplets = chiplets.length;
  const perGroup = numChiplets / numGroups;
  const slots = Math.max(...chiplets.map(({ length }) => length), 1);
  const slotColumns = Math.ceil(Math.sqrt(slots));
  const boxWidth = slotColumns * CELL + 10;
  const boxHeight = Math.ceil(slots / slotColumns) * CELL + 26;
  const chipletColumns = Math.max(
    1,
    Math.min(Math.ceil(Math.sqrt(perGroup)), Math.floor((width - 20) / (boxWidth + CHIPLET_SPACE))),
  );
  const groupWidth = chipletColumns * (boxWidth + CHIPLET_SPACE) + 10;
  const groupHeight = Math.ceil(perGroup / chipletColumns) * (boxHeight + CHIPLET_SPACE) + 30;
  const across = Math.max(
    1,
    Math.min(numGroups, Math.floor((width + GROUP_SPACE) / (groupWidth + GROUP_SPACE))),
  );
  const groupAt = (group) => ({
    x: (group % across) * (groupWidth + GROUP_SPACE),
    y: Math.floor(group / across) * (groupHeight + GROUP_SPACE),
  });
  const chipletAt = (chiplet) => {
    const { x, y } = groupAt(Math.floor(chiplet / perGroup));
    const place = chiplet % perGroup;
    return {
      x: x + 8 + (place % chipletColumns) * (boxWidth + CHIPLET_SPACE),
      y: y + 26 + Math.floor(place / chipletColumns) * (boxHeight + CHIPLET_SPACE),
    };
  };
  return {
    key: [numChiplets, numGroups, slots, across, chipletColumns].join(),
    numChiplets,
    numGroups,
    width: across * (groupWidth + GROUP_SPACE) - GROUP_SPACE,
    height: Math.ceil(numGroups / across) * (groupHeight + GROUP_SPACE),
    groupWidth,
    groupHeight,
    boxWidth,
    boxHeight,
    slotColumns,
    groupAt,
    chipletAt,
  };
}

/** Groups and chiplets with their names and bars, without experts. */
function emptyPlan({ width, height, numGroups, numChiplets, groupAt, chipletAt, ...size }) {
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, "font-size": 11 });
  svg.style.maxWidth = `${width * 1.35}px`;
  const { groupWidth, groupHeight, boxWidth, boxHeight } = size;
  for (let group = 0; group < numGroups; group++) {
    const { x, y } = groupAt(group);
    const box = { x: x + 0.5, y: y + 0.5, width: groupWidth - 1, height: groupHeight - 1, rx: 8 };
    svg.append(element("rect", { class: "group", ...box }));
    svg.append(element("text", { class: "name", x: x + 10, y: y + 17 }, `group ${group}`));
  }
  for (let chiplet = 0; chiplet < numChiplets; chiplet++) {
    const { x, y } = chipletAt(chiplet);
    const middle = x + boxWidth / 2;
    const bar = { x: x + 5, y: y + boxHeight - 7, width: boxWidth - 10, height: 4, rx: 1 };
    svg.append(element("rect", { class: "chiplet", x, y, width: boxWidth, height: boxHeight, rx: 5 }));
    const name = { class: "name", x: middle, y: y + 13, "text-anchor": "middle" };
    svg.append(element("text", name, String(chiplet)));
    svg.append(element("rect", { class: "bar", "data-bar": chiplet, ...bar }));
    svg.append(element("path", { class: "mean", d: `M${middle} ${y + boxHeight - 9}v8` }));
  }
  return svg;
}

/** A square for every expert, the darker the more tokens choose it. */
function squaresOf(loads) {
  const most = Math.max(...loads);
  return loads.map((load, expert) => {
    const heat = Math.sqrt(load / most);
    const group = element("g", {
      class: `expert${heat > 0.72 ? " heavy" : ""}`,
      "data-expert": expert,
      style: `--load:${heat.toFixed(3)}`,
    });
    group.append(element("rect", { width: CELL - 2, height: CELL - 2, rx: 4 }));
    group.append(element("text", { x: (CELL - 2) / 2, y: 14, "text-anchor": "middle" }, String(expert)));
    return group;
  });
}

function moveExperts(svg, chiplets, { chipletAt, slotColumns }) {
  chiplets.forEach((experts, chiplet) => {
    const { x, y } = chipletAt(chiplet);
    [...experts]
      .sort((a, b) => a - b)
      .forEach((expert, slot) => {
        const left = x + 5 + (slot % slotColumns) * CELL + 1;
        const top = y + 17 + Math.floor(slot / slotColumns) * CELL;
        svg.querySelector(`[data-expert="${expert}"]`).style.transform = `translate(${left}px, ${top}px)`;
      });
  });
}
