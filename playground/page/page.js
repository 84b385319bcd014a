/* The page of `moeplace playground`: asks its worker, and draws what it tells. */
/* global document, window, ResizeObserver, Blob, Response, DecompressionStream, Worker, URL, performance */

import { cardsOf } from "./cards.js";
import { drawChart } from "./chart.js";
import { drawPlan, loadsOfChiplets } from "./floor-plan.js";
import { count, fixed } from "./words.js";

const $ = (id) => document.getElementById(id);

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
    else showCards();
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
    const numGroups = Number($("groups").value) || 1;
    drawPlan($("plan"), layer, { loads: expertLoads(layer), numGroups });
    drawChart($("chart"), layer);
    showCards();
  });
}

function showCards() {
  const layer = run.layers[shown];
  $("cards").replaceChildren(...cardsOf(run, layer, loadsOfChiplets(layer.chiplets, expertLoads(layer))));
  $("told").textContent = layer.isDone
    ? `Layer ${layer.layer}: C_T ${fixed(layer.cost)}, stopped by ${layer.stoppedBy ?? "the solver"}.`
    : `Layer ${layer.layer}: ${layer.phase ?? "search"} ...`;
}

function expertLoads({ layer }) {
  return trace.layers.find((known) => known.layer === layer).loads;
}

new ResizeObserver(() => draw()).observe(document.querySelector("main"));
void openWorker();
