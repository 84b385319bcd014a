/* The page of `moeplace playground`: asks its worker, and draws what it tells. */
/* global document, window, ResizeObserver, Blob, Response, DecompressionStream, Worker, URL, performance */

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const cell = 22;

/** @type {Worker | undefined} */
let worker;
let workerUrl = "";
let machines = [];
/** What was read, what is running, and what is shown. */
let trace;
let files;
let run;
let shown = 0;

async function openWorker() {
  if (workerUrl === "") {
    const packed = Uint8Array.from(window.atob($("worker").textContent), (character) =>
      character.charCodeAt(0),
    );
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    workerUrl = URL.createObjectURL(
      new Blob([await new Response(unpacked).arrayBuffer()], { type: "text/javascript" }),
    );
  }
  worker = new Worker(workerUrl);
  worker.onmessage = ({ data }) => receive[data.type](data);
  worker.onerror = ({ message }) => receive.failed({ message });
}

const receive = {
  ready({ machines: known }) {
    document.body.dataset.ready = "true";
    if (machines.length > 0) return;
    machines = known;
    for (const { name } of machines) {
      const option = document.createElement("option");
      option.textContent = name;
      $("hardware").append(option);
    }
    chooseMachine("mozart-deepseek-calibrated");
  },
  trace(read) {
    trace = read;
    const { model, numExperts, topK, layers, warnings, format, kind } = read;
    const tokens = kind === "loads" ? "loads without tokens" : `${layers[0].numTokens} tokens a layer`;
    $("trace").textContent =
      `${model ?? "A model without a name"}: ${count(layers.length, "MoE layer")}, ${numExperts} experts` +
      `${topK ? `, top-${topK}` : ""}, ${tokens} (${format}).` +
      warnings.map((warning) => ` Note: ${warning}.`).join("");
    $("objective").value = "auto";
    for (const option of $("objective").options) {
      option.disabled =
        (option.value === "time" && !read.hasShape) || (kind === "loads" && option.value === "traffic");
    }
    $("place").disabled = false;
    $("headline").textContent = "Choose a machine, and press Place.";
  },
  begun({ objective, layers }) {
    run.objective = objective;
    run.layers = layers.map(({ layer, chiplets, cost }) => ({
      layer,
      first: cost,
      chiplets,
      points: [],
      isDone: false,
    }));
    $("layer").max = String(layers.length - 1);
    show(0);
  },
  progress({ layer, chiplets, cost, bound, phase }) {
    const index = run.layers.findIndex((known) => known.layer === layer);
    const known = run.layers[index];
    known.begin ??= performance.now();
    known.phase = phase;
    known.chiplets = chiplets;
    known.bound = bound ?? known.bound;
    known.cost = cost;
    known.points.push({ seconds: (performance.now() - known.begin) / 1000, cost, bound: known.bound });
    if ($("follow").checked && shown !== index) show(index);
    else if (shown === index) draw();
  },
  placed({ layer, chiplets, cost, bound, stoppedBy }) {
    const index = run.layers.findIndex((known) => known.layer === layer);
    const known = run.layers[index];
    known.begin ??= performance.now();
    known.points.push({
      seconds: (performance.now() - known.begin) / 1000,
      cost,
      bound: bound ?? known.bound,
    });
    Object.assign(known, { chiplets, cost, bound: bound ?? known.bound, stoppedBy, isDone: true });
    if (shown === index) draw();
    else cards();
  },
  done({ file, layers, before, after }) {
    run.isDone = true;
    run.before = before;
    run.after = after;
    for (const { layer, chiplets } of layers) {
      run.layers.find((known) => known.layer === layer).chiplets = chiplets;
    }
    $("download").href = URL.createObjectURL(new Blob([file], { type: "application/json" }));
    $("result").hidden = false;
    $("headline").textContent = headlineOf(before, after);
    running(false);
    draw();
  },
  failed({ message, advice }) {
    $("watch").hidden = false;
    $("failure").hidden = false;
    $("failure").textContent = [message, advice].filter(Boolean).join("\n");
    $("headline").textContent = "That did not work out.";
    running(false);
  },
};

function headlineOf(before, after) {
  if (!before || !after) return "Placed by loads: download it below.";
  const isSame = Math.abs(after.tokenReplication / before.tokenReplication - 1) < 0.0005;
  const copies = isSame
    ? "no fewer token copies"
    : `${change(after.tokenReplication, before.tokenReplication)} token copies`;
  if (before.stepNs === null) return `Placed: ${copies} than experts in order of their numbers.`;
  return `Placed: a step takes ${change(after.stepNs, before.stepNs, "less", "more")} time, with ${copies}, than experts in order of their numbers.`;
}

function change(after, before, less = "fewer", more = "more") {
  return `${Math.abs(100 * (1 - after / before)).toFixed(1)} % ${after <= before ? less : more}`;
}

function chooseMachine(name) {
  const machine = machines.find((known) => known.name === name);
  $("hardware").value = name;
  $("chiplets").value = machine.numChiplets;
  $("groups").value = machine.numGroups;
  $("about").textContent = machine.description;
}

function running(isRunning) {
  $("place").disabled = isRunning || !trace;
  $("stop").disabled = !isRunning;
  $("sample").disabled = isRunning;
  $("files").disabled = isRunning;
}

async function take(list) {
  if ($("files").disabled || list.length === 0) return;
  $("failure").hidden = true;
  $("trace").textContent = "Reading ...";
  files = await Promise.all(
    Array.from(list, async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })),
  );
  trace = undefined;
  worker.postMessage({ type: "files", files });
}

$("drop").addEventListener("dragover", (event) => {
  event.preventDefault();
  $("drop").classList.add("over");
});
$("drop").addEventListener("dragleave", () => $("drop").classList.remove("over"));
$("drop").addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").classList.remove("over");
  void take(event.dataTransfer.files);
});
$("files").addEventListener("change", () => void take($("files").files));
$("sample").addEventListener("click", () => {
  files = undefined;
  $("failure").hidden = true;
  worker.postMessage({ type: "sample" });
});
$("hardware").addEventListener("change", () => chooseMachine($("hardware").value));
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  run = { layers: [], begin: performance.now() };
  $("watch").hidden = false;
  $("failure").hidden = true;
  $("result").hidden = true;
  $("follow").checked = true;
  $("headline").textContent = "Placing ...";
  $("plan").replaceChildren();
  running(true);
  worker.postMessage({
    type: "place",
    hardware: $("hardware").value,
    objective: $("objective").value,
    numChiplets: Number($("chiplets").value),
    numGroups: Number($("groups").value),
  });
});
$("stop").addEventListener("click", async () => {
  worker.terminate();
  $("headline").textContent = "Stopped: what was found so far is shown, and not to be downloaded.";
  running(false);
  await openWorker();
  // A new worker knows nothing of what was read.
  worker.postMessage(files ? { type: "files", files } : { type: "sample" });
});
$("layer").addEventListener("input", () => {
  $("follow").checked = false;
  show(Number($("layer").value));
});

function show(index) {
  shown = index;
  $("layer").value = String(index);
  draw();
}

let isWaiting = false;

/** Draws once a frame, however often the solver tells. */
function draw() {
  if (isWaiting) return;
  isWaiting = true;
  window.requestAnimationFrame(() => {
    isWaiting = false;
    if (!run?.layers[shown]) return;
    const layer = run.layers[shown];
    $("layer-name").textContent = `layer ${layer.layer}, ${shown + 1} of ${run.layers.length}`;
    $("layer").setAttribute("aria-valuetext", `layer ${layer.layer}`);
    drawPlan(layer);
    drawChart(layer);
    cards();
  });
}

function cards() {
  const layer = run.layers[shown];
  const numDone = run.layers.filter(({ isDone }) => isDone).length;
  const gap = layer.bound ? `${Math.max(0, 100 * (layer.cost / layer.bound - 1)).toFixed(2)} %` : "not yet";
  const loads = chipletLoads(layer);
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  const entries = [
    ["layers placed", `${numDone} of ${run.layers.length}`, `minimising ${nameOf(run.objective)}`],
    [
      `C_T, layer ${layer.layer}`,
      fixed(layer.cost ?? layer.first),
      layer.first ? `${fixed(layer.first)} in order of numbers` : "",
    ],
    ["proved at least", layer.bound ? fixed(layer.bound) : "–", `gap ${gap}`],
    ["largest load", `${(Math.max(...loads) / mean).toFixed(2)} x mean`, `of ${loads.length} chiplets`],
  ];
  if (run.after?.stepNs) {
    entries.push([
      "a step of these layers",
      time(run.after.stepNs),
      `${time(run.before.stepNs)} in order of numbers`,
    ]);
  }
  $("cards").replaceChildren(
    ...entries.map(([term, value, note]) => {
      const card = document.createElement("div");
      for (const [tag, text, name] of [
        ["dt", term],
        ["dd", value],
        ["dd", note, "note"],
      ]) {
        const element = document.createElement(tag);
        element.textContent = text;
        if (name) element.className = name;
        card.append(element);
      }
      return card;
    }),
  );
  $("told").textContent = layer.isDone
    ? `Layer ${layer.layer}: C_T ${fixed(layer.cost)}, stopped by ${layer.stoppedBy ?? "the solver"}.`
    : `Layer ${layer.layer}: ${layer.phase ?? "search"} ...`;
}

function nameOf(objective) {
  return (
    { time: "time of a step", traffic: "token copies", load: "the largest load" }[objective] ?? objective
  );
}

function loadsOf({ layer }) {
  return trace.layers.find((known) => known.layer === layer).loads;
}

function chipletLoads(layer) {
  const loads = loadsOf(layer);
  return layer.chiplets.map((experts) => experts.reduce((sum, expert) => sum + loads[expert], 0));
}

/** Chiplets in their groups; experts are squares that glide to where they are placed. */
function drawPlan(layer) {
  const numChiplets = layer.chiplets.length;
  const numGroups = Number($("groups").value) || 1;
  const perGroup = numChiplets / numGroups;
  const width = Math.max(240, $("plan").clientWidth);
  const slots = Math.max(...layer.chiplets.map(({ length }) => length), 1);
  const columnsIn = Math.ceil(Math.sqrt(slots));
  const boxWidth = columnsIn * cell + 10;
  const boxHeight = Math.ceil(slots / columnsIn) * cell + 26;
  // As many groups beside each other as there is room for, as wide as they come out evenly.
  const groupColumns = Math.max(
    1,
    Math.min(Math.ceil(Math.sqrt(perGroup)), Math.floor((width - 20) / (boxWidth + 6))),
  );
  const groupWidth = groupColumns * (boxWidth + 6) + 10;
  const groupHeight = Math.ceil(perGroup / groupColumns) * (boxHeight + 6) + 30;
  const across = Math.max(1, Math.min(numGroups, Math.floor((width + 10) / (groupWidth + 10))));
  const height = Math.ceil(numGroups / across) * (groupHeight + 10);
  const viewWidth = across * (groupWidth + 10) - 10;
  const boxOf = (chiplet) => {
    const [group, place] = [Math.floor(chiplet / perGroup), chiplet % perGroup];
    return {
      x: (group % across) * (groupWidth + 10) + 8 + (place % groupColumns) * (boxWidth + 6),
      y:
        Math.floor(group / across) * (groupHeight + 10) +
        26 +
        Math.floor(place / groupColumns) * (boxHeight + 6),
    };
  };
  const key = [layer.layer, numChiplets, numGroups, slots, across, groupColumns].join();
  let svg = $("plan").firstElementChild;
  if (svg?.dataset.key !== key) {
    // Squares of a plan of the same shape glide from layer to layer; any other is drawn anew.
    svg = element("svg", { viewBox: `0 0 ${viewWidth} ${height}`, "font-size": 11 });
    svg.style.maxWidth = `${viewWidth * 1.35}px`;
    svg.dataset.key = key;
    for (let group = 0; group < numGroups; group++) {
      const [x, y] = [(group % across) * (groupWidth + 10), Math.floor(group / across) * (groupHeight + 10)];
      svg.append(
        element("rect", {
          class: "group",
          x: x + 0.5,
          y: y + 0.5,
          width: groupWidth - 1,
          height: groupHeight - 1,
          rx: 8,
        }),
      );
      svg.append(element("text", { class: "name", x: x + 10, y: y + 17 }, `group ${group}`));
    }
    for (let chiplet = 0; chiplet < numChiplets; chiplet++) {
      const { x, y } = boxOf(chiplet);
      svg.append(element("rect", { class: "chiplet", x, y, width: boxWidth, height: boxHeight, rx: 5 }));
      svg.append(
        element(
          "text",
          { class: "name", x: x + boxWidth / 2, y: y + 13, "text-anchor": "middle" },
          String(chiplet),
        ),
      );
      svg.append(
        element("rect", {
          class: "bar",
          "data-bar": chiplet,
          x: x + 5,
          y: y + boxHeight - 7,
          width: boxWidth - 10,
          height: 4,
          rx: 1,
        }),
      );
      svg.append(
        element("path", { class: "mean", d: `M${x + 5 + (boxWidth - 10) / 2} ${y + boxHeight - 9}v8` }),
      );
    }
    const loads = loadsOf(layer);
    const most = Math.max(...loads);
    loads.forEach((load, expert) => {
      const heat = Math.sqrt(load / most);
      const group = element("g", {
        class: `expert${heat > 0.72 ? " heavy" : ""}`,
        "data-expert": expert,
        style: `--load:${heat.toFixed(3)}`,
      });
      group.append(element("rect", { width: cell - 2, height: cell - 2, rx: 4 }));
      group.append(element("text", { x: (cell - 2) / 2, y: 14, "text-anchor": "middle" }, String(expert)));
      svg.append(group);
    });
    $("plan").replaceChildren(svg);
  }
  layer.chiplets.forEach((experts, chiplet) => {
    const { x, y } = boxOf(chiplet);
    [...experts]
      .sort((a, b) => a - b)
      .forEach((expert, slot) => {
        const left = x + 5 + (slot % columnsIn) * cell + 1;
        const top = y + 17 + Math.floor(slot / columnsIn) * cell;
        svg.querySelector(`[data-expert="${expert}"]`).style.transform = `translate(${left}px, ${top}px)`;
      });
  });
  const loads = chipletLoads(layer);
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  loads.forEach((load, chiplet) => {
    const bar = svg.querySelector(`[data-bar="${chiplet}"]`);
    // Half of a bar is the mean; what is beyond twice the mean is cut.
    bar.style.transform = `scaleX(${Math.min(1, load / mean / 2)})`;
    bar.classList.toggle("over", load > 1.25 * mean);
  });
  $("plan").setAttribute(
    "aria-label",
    `layer ${layer.layer} on ${numChiplets} chiplets in ${numGroups} groups: ` +
      layer.chiplets
        .map((experts, chiplet) => `chiplet ${chiplet} holds experts ${experts.join(" ")}`)
        .join("; "),
  );
}

/** C_T of the best placement and what is proved, over seconds. */
function drawChart(layer) {
  const { points, first } = layer;
  const [width, height, left, bottom] = [Math.max(240, $("chart").clientWidth), 230, 46, 30];
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, "font-size": 12 });
  const seconds = Math.max(0.1, points.at(-1)?.seconds ?? 0);
  const costs = points.flatMap(({ cost, bound }) => (bound === undefined ? [cost] : [cost, bound]));
  if (costs.length > 0 && costs.every((cost) => cost !== undefined)) {
    const [least, most] = [Math.min(...costs), Math.max(...costs)];
    const room = (most - least || 0.1) * 0.08;
    const x = (at) => left + (at / seconds) * (width - left - 14);
    const y = (cost) => 10 + ((most + room - cost) / (most - least + 2 * room || 1)) * (height - bottom - 10);
    const ticks = [least, (least + most) / 2, most];
    for (const tick of ticks) {
      svg.append(
        element("path", { class: "axis", style: "stroke-width:1", d: `M${left} ${y(tick)}H${width - 14}` }),
      );
      svg.append(element("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, tick.toFixed(2)));
    }
    for (const [at, anchor] of [
      [0, "start"],
      [seconds, "end"],
    ]) {
      svg.append(
        element(
          "text",
          { x: x(at), y: height - 8, "text-anchor": anchor },
          `${at.toFixed(at < 10 ? 1 : 0)} s`,
        ),
      );
    }
    const stepsOf = (values) => {
      let path = "";
      let before;
      for (const { at, value } of values) {
        path += before === undefined ? `M${x(at)} ${y(value)}` : `H${x(at)}V${y(value)}`;
        before = value;
      }
      return path === "" ? "" : `${path}H${x(seconds)}`;
    };
    const incumbent = points.map(({ seconds: at, cost }) => ({ at, value: cost }));
    const bounds = points
      .filter(({ bound }) => bound !== undefined)
      .map(({ seconds: at, bound }) => ({ at, value: bound }));
    if (bounds.length > 0) {
      // What is not decided yet lies between the lines.
      const backwards = [...bounds].reverse();
      const low = backwards.map(({ at, value }, index) => {
        const before = backwards[index + 1];
        return before ? `H${x(at)}V${y(before.value)}` : `H${x(at)}`;
      });
      const from = bounds[0].at;
      const high = incumbent.filter(({ at }) => at <= from).at(-1) ?? incumbent[0];
      const steps = incumbent.filter(({ at }) => at > from).map(({ at, value }) => `H${x(at)}V${y(value)}`);
      svg.append(
        element("path", {
          class: "gap",
          d: `M${x(from)} ${y(high.value)}${steps.join("")}H${x(seconds)}V${y(bounds.at(-1).value)}${low.join("")}Z`,
        }),
      );
    }
    svg.append(element("path", { class: "incumbent", d: stepsOf(incumbent) }));
    svg.append(element("path", { class: "bound", d: stepsOf(bounds) }));
    for (const [name, values] of [
      ["incumbent", incumbent],
      ["bound", bounds],
    ]) {
      const last = values.at(-1);
      if (last) svg.append(element("circle", { class: name, r: 4, cx: x(seconds), cy: y(last.value) }));
    }
  } else svg.append(element("text", { x: left, y: height / 2 }, "loads without tokens have no C_T"));
  $("chart").replaceChildren(svg);
  $("chart").setAttribute(
    "aria-label",
    `layer ${layer.layer}: C_T ${fixed(layer.cost ?? first)}, ${layer.bound ? `at least ${fixed(layer.bound)}` : "nothing proved"}, after ${seconds.toFixed(1)} s`,
  );
}

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function fixed(value) {
  return value === undefined ? "–" : value.toFixed(3);
}

function count(number, what) {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function time(ns) {
  if (ns >= 1e9) return `${(ns / 1e9).toFixed(3)} s`;
  return ns >= 1e6 ? `${(ns / 1e6).toFixed(2)} ms` : `${(ns / 1e3).toFixed(1)} µs`;
}

new ResizeObserver(() => draw()).observe(document.querySelector("main"));
void openWorker();
