/* global document */
import { fixed, time } from "./words.js";

/**
 * The figures of a layer and of the run, as cards.
 *
 * @param run What is running: its layers and, where it is done, the step before and after.
 * @param layer The layer that is shown.
 * @param chipletLoads Tokens of every chiplet.
 */
export function cardsOf(run, layer, chipletLoads) {
  const numDone = run.layers.filter(({ isDone }) => isDone).length;
  const gap = layer.bound ? `${Math.max(0, 100 * (layer.cost / layer.bound - 1)).toFixed(2)} %` : "not yet";
  const mean = chipletLoads.reduce((sum, load) => sum + load, 0) / chipletLoads.length;
  const cards = [
    card("layers placed", `${numDone} of ${run.layers.length}`, `minimising ${nameOf(run.objective)}`),
    card(
      `C_T, layer ${layer.layer}`,
      fixed(layer.cost ?? layer.first),
      layer.first ? `${fixed(layer.first)} in order of numbers` : "",
    ),
    card("proved at least", layer.bound ? fixed(layer.bound) : "–", `gap ${gap}`),
    card(
      "largest load",
      `${(Math.max(...chipletLoads) / mean).toFixed(2)} x mean`,
      `of ${chipletLoads.length} chiplets`,
    ),
  ];
  const { before, after } = run;
  if (!after?.stepNs) return cards;
  return [
    ...cards,
    card("a step of these layers", time(after.stepNs), `${time(before.stepNs)} in order of numbers`),
  ];
}

function card(term, value, note) {
  const made = document.createElement("div");
  made.append(line("dt", term), line("dd", value), line("dd", note, "note"));
  return made;
}

function line(tag, text, className) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function nameOf(objective) {
  return (
    { time: "time of a step", traffic: "token copies", load: "the largest load" }[objective] ?? objective
  );
}
