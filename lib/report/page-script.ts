/**
 * What a page does when it is used: sorts tables, lights a solver up, moves from layer to layer, tells numbers, zooms.
 *
 * Plain JavaScript for browsers, part of every page; without it all pictures are there, of the layer whose gain is typical. It
 * reads the data of the page's layers from `#layers`, shaped as `layerData` in page-layers.ts makes it.
 */
export const pageScript = String.raw`
"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const percent = (share) => (100 * share).toFixed(1) + " %";

// Tables: a button in a head sorts its column, first the best.
for (const table of all("table.sortable")) {
  const heads = all("thead th", table);
  heads.forEach((head, column) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const descends = head.getAttribute("aria-sort") === "ascending";
      for (const heading of heads) heading.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descends ? "descending" : "ascending");
      const body = table.tBodies[0];
      const valueOf = (row) => {
        const { value } = row.cells[column].dataset;
        return value === undefined ? row.cells[column].textContent : value === "" ? Infinity : Number(value);
      };
      const compare = (left, right) => {
        const [a, b] = [valueOf(left), valueOf(right)];
        if (a === b) return 0;
        if (a === Infinity || b === Infinity) return a === Infinity ? 1 : -1;
        return (a < b ? -1 : 1) * (descends ? -1 : 1);
      };
      body.append(...[...body.rows].sort(compare));
    });
  });
}

// A solver is lit up wherever it is shown.
const light = (solver, on) => {
  for (const element of all("[data-solver]")) {
    if (element.dataset.solver === solver) element.classList.toggle("lit", on);
  }
};
for (const element of all("[data-solver]")) {
  const { solver } = element.dataset;
  for (const name of ["pointerenter", "focusin"]) element.addEventListener(name, () => light(solver, true));
  for (const name of ["pointerleave", "focusout"]) element.addEventListener(name, () => light(solver, false));
}

// Layers.
const source = document.getElementById("layers");
if (source) {
  const data = JSON.parse(source.textContent);
  const slider = document.getElementById("layer");
  const mean = document.getElementById("mean");
  const readout = (id) => document.getElementById(id);
  const side = () => document.querySelector("input[name=plan]:checked")?.value ?? "after";
  const meanOf = (place) => {
    const total = {};
    for (const key of Object.keys(data.layers[0][place])) {
      const first = data.layers[0][place][key];
      if (!Array.isArray(first) || Array.isArray(first[0])) continue;
      total[key] = first.map((_, index) => data.layers.reduce((sum, layer) => sum + layer[place][key][index], 0) / data.layers.length);
    }
    return total;
  };
  const means = { before: meanOf("before"), after: meanOf("after") };
  const current = (place) => (mean.checked ? means[place] : data.layers[slider.value][place]);

  const showLoads = () => {
    for (const svg of all("svg.loads")) {
      const [bottom, unit] = [Number(svg.dataset.bottom), Number(svg.dataset.unit)];
      for (const bar of all("[data-load]", svg)) {
        const [place, chiplet] = bar.dataset.load.split(" ");
        const value = current(place).load[chiplet];
        bar.setAttribute("y", bottom - value * unit);
        bar.setAttribute("height", value * unit);
      }
      const most = (place) => Math.max(...current(place).load).toFixed(2);
      svg.setAttribute("aria-label", "Load of every chiplet over the mean; the largest: " + data.names.before + " " + most("before") + ", " + data.names.after + " " + most("after"));
    }
  };
  const showPlan = () => {
    const view = current(side());
    for (const link of all(".plan [data-root]")) {
      const share = view.root[link.dataset.root];
      link.style.setProperty("--busy", share);
      link.setAttribute("aria-label", "root link " + link.dataset.root + ": " + percent(share) + " " + data.busyOf);
    }
    for (const [side, step] of [["right", 1], ["below", data.columns]]) {
      for (const link of all(".plan [data-" + side + "]")) {
        const from = Number(link.dataset[side]);
        const share = view[side][from];
        link.style.setProperty("--busy", share);
        link.setAttribute("aria-label", "link " + from + " to " + (from + step) + ": " + percent(share) + " " + data.busyOf);
      }
    }
    for (const link of all(".plan [data-link]")) link.style.setProperty("--busy", view.link[link.dataset.link]);
    for (const box of all(".plan [data-chiplet]")) {
      const { chiplet } = box.dataset;
      const experts = view.experts?.[chiplet];
      const load = view.load[chiplet];
      box.querySelector(".chiplet").style.setProperty("--load", Math.min(2, load));
      const value = box.querySelector(".value");
      if (value) value.textContent = load.toFixed(2);
      const lines = all(".experts", box);
      lines.forEach((line, index) => {
        const perLine = Math.ceil((experts?.length ?? 0) / lines.length);
        line.textContent = (experts ?? []).slice(index * perLine, (index + 1) * perLine).join(" ");
      });
      box.setAttribute("aria-label",
        "chiplet " + chiplet + ": load " + load.toFixed(2) + " times the mean; its " + (view.right ? "busiest " : "") + "link " + percent(view.link[chiplet]) + " " + data.busyOf +
        (view.compute ? ", compute " + percent(view.compute[chiplet]) + ", memory " + percent(view.memory[chiplet]) : "") +
        (experts ? "; experts " + experts.join(", ") : ""));
    }
  };
  const outline = (sizes) => {
    const total = sizes.reduce((sum, size) => sum + size, 0);
    let from = 0;
    let path = "";
    for (const size of sizes) {
      const [at, width] = [(100 * from) / total, (100 * size) / total];
      path += "M" + at + " " + at + "h" + width + "v" + width + "h" + -width + "z";
      from += size;
    }
    return path;
  };
  const showHeat = () => {
    const index = slider.value;
    for (const map of all(".heat")) {
      const place = map.dataset.side;
      const view = data.layers[index][place];
      const thumb = document.querySelector(".thumb[data-index='" + index + "'] img[data-side=" + place + "]");
      map.querySelector("img").src = thumb.src;
      map.querySelector("path").setAttribute("d", outline(view.bins));
      map.closest("figure").querySelector(".numbers").textContent = percent(view.together) + " of the co-activation within chiplets, C_T " + view.copies.toFixed(3);
    }
  };
  const show = () => {
    const { layer } = data.layers[slider.value];
    const text = mean.checked ? "mean of " + data.layers.length + " layers" : "layer " + layer;
    for (const element of all(".layer-name")) element.textContent = text;
    for (const element of all(".heat-layer")) element.textContent = "layer " + layer;
    slider.setAttribute("aria-valuetext", "layer " + layer);
    for (const thumb of all(".thumb")) thumb.setAttribute("aria-pressed", String(thumb.dataset.index === slider.value));
    showHeat();
    showLoads();
    showPlan();
  };
  slider.addEventListener("input", () => { mean.checked = false; show(); });
  mean.addEventListener("change", show);
  for (const radio of all("input[name=plan]")) radio.addEventListener("change", show);
  for (const thumb of all(".thumb")) {
    thumb.addEventListener("click", () => { slider.value = thumb.dataset.index; mean.checked = false; show(); });
  }
  show();

  // Numbers of the floor plan: by pointer, or by arrow keys from box to box.
  for (const plan of all("svg.plan")) {
    const items = all("[role=img]", plan);
    items[0].tabIndex = 0;
    const tell = (item) => { readout("plan-numbers").textContent = item.getAttribute("aria-label"); };
    items.forEach((item, index) => {
      item.addEventListener("pointerenter", () => tell(item));
      item.addEventListener("focus", () => tell(item));
      item.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const next = items[(index + step + items.length) % items.length];
        for (const bar of items) bar.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      });
    });
    for (const link of all("[data-link]", plan)) {
      link.addEventListener("pointerenter", () => tell(plan.querySelector("[data-chiplet='" + link.dataset.link + "']")));
    }
  }
  for (const svg of all("svg.loads")) {
    for (const bar of all("[data-load]", svg)) {
      bar.addEventListener("pointerenter", () => {
        const chiplet = bar.dataset.load.split(" ")[1];
        readout("load-numbers").textContent = "chiplet " + chiplet + ": " +
          ["before", "after"].map((place) => data.names[place] + " " + current(place).load[chiplet].toFixed(2)).join(", ") + " times the mean load";
      });
    }
  }

  // Numbers of the heat maps, read back from their pixels.
  for (const map of all(".heat")) {
    const cursor = { row: 0, column: 0 };
    const tell = () => {
      const view = data.layers[slider.value][map.dataset.side];
      const image = map.querySelector("img");
      const size = image.naturalWidth;
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = size;
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(image, 0, 0);
      const [red] = context.getImageData(cursor.column, cursor.row, 1, 1).data;
      const share = data.most * ((255 - red) / 255) ** 2;
      const bin = (place) => {
        let at = 0;
        for (let chiplet = 0; chiplet < view.bins.length; chiplet++) {
          if (place < at + view.bins[chiplet]) {
            const experts = view.experts[chiplet];
            const perBin = Math.ceil(experts.length / view.bins[chiplet]);
            const held = experts.slice((place - at) * perBin, (place - at + 1) * perBin);
            return (held.length > 1 ? "experts " : "expert ") + held.join(", ") + " on chiplet " + chiplet;
          }
          at += view.bins[chiplet];
        }
      };
      const marker = map.querySelector("rect");
      const cell = 100 / size;
      for (const [name, value] of [["x", cursor.column * cell], ["y", cursor.row * cell], ["width", cell], ["height", cell]]) marker.setAttribute(name, value);
      readout("heat-numbers").textContent = bin(cursor.row) + " and " + bin(cursor.column) + ": together in " + percent(share) + " of the tokens";
    };
    map.addEventListener("pointermove", (event) => {
      const box = map.getBoundingClientRect();
      const size = map.querySelector("img").naturalWidth;
      const clamp = (share) => Math.min(size - 1, Math.max(0, Math.floor(share * size)));
      cursor.row = clamp((event.clientY - box.top) / box.height);
      cursor.column = clamp((event.clientX - box.left) / box.width);
      tell();
    });
    map.addEventListener("focus", tell);
    map.addEventListener("keydown", (event) => {
      const [rows, columns] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [];
      if (rows === undefined) return;
      event.preventDefault();
      const size = map.querySelector("img").naturalWidth;
      cursor.row = Math.min(size - 1, Math.max(0, cursor.row + rows));
      cursor.column = Math.min(size - 1, Math.max(0, cursor.column + columns));
      tell();
    });
  }
}

// Gantt charts: zoom and move; numbers of the bar under the pointer, or of the row chosen by keys.
const timeText = (ns) => {
  const [name, size] = [["s", 1e9], ["ms", 1e6], ["us", 1e3], ["ns", 1]].find(([, size]) => ns >= size) ?? ["ns", 1];
  return (ns / size).toPrecision(4) + " " + name;
};
for (const chart of all("[data-gantt]")) {
  const bars = chart.querySelector("svg.bars");
  const ticks = chart.querySelector(".ticks");
  const [, , whole, height] = bars.getAttribute("viewBox").split(" ").map(Number);
  const makespan = Number(chart.dataset.makespan);
  const rows = chart.dataset.rows.split("|");
  const out = document.getElementById("gantt-numbers-" + chart.dataset.gantt);
  let [from, width] = [0, whole];
  let chosen = 0;
  const draw = () => {
    width = Math.min(whole, Math.max(whole / 200, width));
    from = Math.min(whole - width, Math.max(0, from));
    bars.setAttribute("viewBox", from + " 0 " + width + " " + height);
    const [left, span] = [Number(ticks.dataset.left), Number(ticks.dataset.width)];
    const labels = all("text", ticks);
    const count = 6;
    ticks.replaceChildren(...Array.from({ length: count + 1 }, (_, index) => {
      const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
      text.setAttribute("class", "tick");
      text.setAttribute("x", left + (index / count) * span);
      text.setAttribute("y", labels[0].getAttribute("y"));
      text.setAttribute("text-anchor", index === count ? "end" : "middle");
      const ns = ((from + (width * index) / count) / whole) * makespan;
      text.textContent = ns === 0 ? "0" : timeText(ns);
      return text;
    }));
  };
  const zoom = (factor, at = 0.5) => {
    const centre = from + at * width;
    width = Math.min(whole, Math.max(whole / 200, width * factor));
    from = centre - at * width;
    draw();
  };
  const move = (share) => { from += share * width; draw(); };
  const actions = { in: () => zoom(0.5), out: () => zoom(2), left: () => move(-0.5), right: () => move(0.5), whole: () => { [from, width] = [0, whole]; draw(); } };
  for (const button of all("[data-zoom=" + chart.dataset.gantt + "] button")) {
    button.addEventListener("click", actions[button.dataset.action]);
  }
  const barsOfRow = (row) => all("path[data-row='" + row + "']", bars).flatMap((path) =>
    [...path.getAttribute("d").matchAll(/M(\d+) \d+h(\d+)/g)].map(([, begin, size]) => ({ begin: Number(begin), size: Number(size), kind: path.dataset.kind })));
  bars.addEventListener("pointermove", (event) => {
    const box = bars.getBoundingClientRect();
    const at = from + ((event.clientX - box.left) / box.width) * width;
    const row = Math.floor((event.clientY - box.top) / (box.height / rows.length));
    const near = barsOfRow(row).find(({ begin, size }) => at >= begin && at <= begin + size);
    const ns = (place) => timeText((place / whole) * makespan);
    out.textContent = rows[row] === undefined ? "" : rows[row] + (near ? ": " + near.kind + ", " + ns(near.begin) + " to " + ns(near.begin + near.size) : ": idle at " + ns(at));
  });
  const tellRow = () => {
    const own = barsOfRow(chosen).sort((left, right) => left.begin - right.begin);
    const busy = {};
    for (const { kind, size } of own) busy[kind] = (busy[kind] ?? 0) + size / whole;
    out.textContent = rows[chosen] + ": " + Object.entries(busy).map(([kind, share]) => kind + " " + percent(share)).join(", ") + " of the time";
  };
  chart.addEventListener("focus", tellRow);
  chart.addEventListener("keydown", (event) => {
    const action = { "+": actions.in, "=": actions.in, "-": actions.out, "0": actions.whole, ArrowLeft: actions.left, ArrowRight: actions.right,
      ArrowUp: () => { chosen = Math.max(0, chosen - 1); tellRow(); }, ArrowDown: () => { chosen = Math.min(rows.length - 1, chosen + 1); tellRow(); } }[event.key];
    if (!action || event.target !== chart) return;
    event.preventDefault();
    action();
  });
}
`;
