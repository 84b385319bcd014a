/** Colours by light and by dark; Okabe and Ito's, which every kind of colour vision tells apart. */
const light = `color-scheme: light; --background: #fff; --raised: #f6f7f9; --text: #1a1d21; --quiet: #555d67; --line: #d5d9de;
  --best: #0072b2; --other: #b4bcc6; --bound: #b34700; --series-0: #7a828c; --series-1: #b34700; --series-2: #007a5a;
  --series-3: #0072b2; --series-4: #9a4d7c; --series-5: #7a6a00; --fast: #0072b2; --slow: #e8b96a; --cool: #b9c1ca; --hot: #c62b10; --kind-0: #0072b2; --kind-1: #e69f00;
  --kind-2: #56b4e9; --kind-3: #009e73; --kind-4: #cc79a7; --kind-5: #d55e00; --kind-6: #b8a800; --kind-7: #666666; --kind-8: #aaaaaa;
  --heat: none;`;
const dark = `color-scheme: dark; --background: #15181c; --raised: #1e2228; --text: #e7eaee; --quiet: #a3abb5; --line: #3a4049;
  --best: #56b4e9; --other: #59616b; --bound: #ff9a52; --series-0: #9aa3ad; --series-1: #ff9a52; --series-2: #2fc79b;
  --series-3: #56b4e9; --series-4: #e39ac6; --series-5: #d3c24a; --fast: #56b4e9; --slow: #b5702a; --cool: #4c545e; --hot: #ff7a5c; --kind-0: #3d9bd6; --kind-1: #e69f00; --kind-2: #9bd3f5;
  --kind-3: #2bbf94; --kind-4: #d993ba; --kind-5: #e8793a; --kind-6: #cfc04a; --kind-7: #8a8a8a; --kind-8: #bbbbbb;
  --heat: invert(1) hue-rotate(180deg);`;

export const reportColours = `
:root { ${light} }
@media screen and (prefers-color-scheme: dark) { :root { ${dark} } }
`;

/** Style of the pictures that are drawn without the chart library, on pages and as files. */
export const pictureStyle = `
.loads text { fill: currentColor; } .loads .grid { stroke: var(--line); } .loads .before { fill: var(--series-0); } .loads .after { fill: var(--best); }
.loads .mean { stroke: currentColor; stroke-dasharray: 5 4; }
.plan text { fill: var(--text); pointer-events: none; } .plan text.quiet { fill: var(--quiet); } .plan .number { font-weight: 600; }
.plan .group { fill: none; stroke: var(--line); } .plan .switch { fill: var(--raised); stroke: var(--line); } .plan .root { fill: var(--raised); stroke: var(--line); }
.plan .chiplet { fill: color-mix(in srgb, var(--best) calc(var(--load) * 27%), var(--background)); stroke: var(--best); }
.plan text.value { fill: var(--text); }
.plan .link { fill: none; stroke: color-mix(in oklch, var(--hot) calc(var(--busy) * 100%), var(--cool)); stroke-width: calc(2px + 3px * var(--busy)); }
.plan [role=img] { cursor: default; } .plan [role=img]:focus { outline: none; }
.plan g:focus .chiplet, .plan g:hover .chiplet { stroke: var(--text); stroke-width: 2.5; } .plan .link:focus, .plan .link:hover { stroke: var(--text); }
`;

/** Style of the report. */
export const reportStyle = `${reportColours}
* { box-sizing: border-box; }
body { margin: 0; background: var(--background); color: var(--text); font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 16px 64px; }
h1 { font-size: 1rem; font-weight: 500; margin: 0 0 .25rem; color: var(--quiet); overflow-wrap: anywhere; }
.headline { font-size: clamp(1.25rem, 1rem + 1.2vw, 1.75rem); font-weight: 600; line-height: 1.3; margin: 0 0 1.25rem; max-width: 52ch; text-wrap: pretty; overflow-wrap: anywhere; }
h2 { font-size: 1.35rem; margin: 3rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
.quiet, .caption, figcaption { color: var(--quiet); font-size: .875rem; }
.caption { max-width: 80ch; margin: .5rem 0 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 240px), 1fr)); gap: 12px; margin: 0 0 1.5rem; }
.cards div { background: var(--raised); border-radius: 8px; padding: 12px 14px; min-width: 0; }
.cards dt { color: var(--quiet); font-size: .8125rem; }
.cards dd { margin: 0; font-size: 1.2rem; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.cards dd.note { color: var(--quiet); font-size: .8125rem; font-weight: 400; line-height: 1.4; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font-family: system-ui, "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; }
.chart { container-type: inline-size; }
.chart .wide { max-width: 700px; }
.chart .narrow { display: none; max-width: 400px; }
@container (max-width: 529px) { .chart > .wide { display: none; } .chart > .narrow { display: block; } }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); gap: 8px 32px; align-items: start; }
.columns > * { min-width: 0; }
.scroll { overflow-x: auto; border-radius: 4px; }
:focus-visible { outline: 2px solid var(--best); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
caption { text-align: left; color: var(--quiet); font-size: .875rem; padding-bottom: .35rem; }
th, td { padding: .32rem .75rem; text-align: right; border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { vertical-align: bottom; color: var(--quiet); white-space: normal; min-width: 7ch; line-height: 1.25; }
th:first-child, td:first-child { text-align: left; padding-left: .25rem; }
tbody th { position: sticky; left: 0; background: var(--background); }
td.best { font-weight: 700; color: var(--best); }
td.best::before { content: "▸ "; font-weight: 400; }
td.text, th.text { text-align: left; white-space: normal; min-width: 12ch; }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-align: inherit; }
th button:hover { color: var(--text); text-decoration: underline; }
th[aria-sort=ascending] button::after { content: " ▲"; } th[aria-sort=descending] button::after { content: " ▼"; }
tr.lit > * { background: var(--raised); } circle { transition: r .1s; } circle.lit { stroke: var(--text); stroke-width: 3; r: 10px; }
tr[data-solver] button { font-weight: 600; color: var(--text); }
.gradient { display: flex; align-items: center; gap: .5rem; font-size: .8125rem; color: var(--quiet); flex-wrap: wrap; margin: .25rem 0; }
.gradient i { width: 140px; height: 12px; border-radius: 2px; flex: none; }
.gradient .time { background: linear-gradient(to right in oklch, var(--fast), var(--slow)); }
.gradient .busy { background: linear-gradient(to right in oklch, var(--cool), var(--hot)); }
.gradient .heat-scale { background: linear-gradient(to right, rgb(255 251 253), rgb(0 34 92)); filter: var(--heat); }
.gradient .load { background: linear-gradient(to right, var(--background), color-mix(in srgb, var(--best) 55%, var(--background))); border: 1px solid var(--line); }
.legend { display: flex; flex-wrap: wrap; gap: .15rem 1rem; font-size: .8125rem; color: var(--quiet); margin: .25rem 0 .5rem; padding: 0; list-style: none; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: .4rem; vertical-align: -1px; }
.tools { display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; align-items: center; margin: .5rem 0 1rem; font-size: .875rem; }
.tools.sticky { position: sticky; top: 0; z-index: 2; background: var(--background); padding: .6rem 0; border-bottom: 1px solid var(--line); }
.tools label { display: inline-flex; gap: .4rem; align-items: center; }
.tools input[type=range] { flex: 1 1 200px; min-width: 120px; accent-color: var(--best); } .tools label.grow { flex: 1 1 300px; }
.tools button { font: inherit; color: var(--text); background: var(--raised); border: 1px solid var(--line); border-radius: 6px; padding: .25rem .7rem; cursor: pointer; min-height: 32px; }
.numbers-line { min-height: 1.5em; font-size: .875rem; display: block; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 280px), 1fr)); gap: 20px; max-width: 900px; }
figure { margin: 0; min-width: 0; }
.heat { position: relative; aspect-ratio: 1; border: 1px solid var(--line); cursor: crosshair; }
.heat img { width: 100%; height: 100%; display: block; image-rendering: pixelated; filter: var(--heat); }
.heat svg { position: absolute; inset: 0; height: 100%; pointer-events: none; }
.heat path { fill: none; stroke: var(--bound); stroke-width: 1; vector-effect: non-scaling-stroke; }
.heat rect { fill: none; stroke: var(--hot); stroke-width: 2; vector-effect: non-scaling-stroke; }
.thumbs { display: grid; grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); gap: 8px; }
.thumb { display: grid; grid-template-columns: 1fr 1fr; gap: 2px 4px; background: none; border: 1px solid var(--line); border-radius: 6px; padding: 5px; font: inherit; font-size: .8125rem; color: var(--text); cursor: pointer; }
.thumb[aria-pressed=true] { border-color: var(--best); box-shadow: 0 0 0 1px var(--best); }
.thumb img { width: 100%; aspect-ratio: 1; image-rendering: pixelated; filter: var(--heat); }
.thumb span { grid-column: 1 / -1; text-align: left; }
${pictureStyle}.gantt svg { min-width: 1020px; } .gantt svg.bars { min-width: 0; overflow: hidden; } .gantt text { fill: var(--text); } .gantt text.quiet, .gantt .tick { fill: var(--quiet); }
.gantt .hatch { stroke: var(--line); stroke-width: 1.5; } .gantt .critical { fill: var(--text); } .gantt .latency { fill: var(--line); }
${Array.from({ length: 9 }, (_, kind) => `.k${kind} { fill: var(--kind-${kind}); } i.k${kind} { background: var(--kind-${kind}); }`).join(" ")}
i.latency { background: var(--line); } i.idle { background: repeating-linear-gradient(45deg, var(--line) 0 2px, transparent 2px 5px); border: 1px solid var(--line); } i.critical { background: var(--text); height: 4px; vertical-align: 3px; }
td.cell { background: color-mix(in srgb, var(--best) calc(var(--share) * 45%), var(--background)); }
code, pre { font: .8125rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; } pre { overflow-x: auto; background: var(--raised); padding: 12px; border-radius: 6px; margin: .5rem 0; }
dl.facts { display: grid; grid-template-columns: minmax(110px, max-content) 1fr; gap: .25rem 1rem; font-size: .875rem; } dl.facts dt { color: var(--quiet); } dl.facts dd { margin: 0; overflow-wrap: anywhere; }
details summary { cursor: pointer; font-size: .875rem; }
@media (max-width: 420px) { dl.facts { grid-template-columns: 1fr; } dl.facts dd { margin-bottom: .4rem; } }
@media print { main { max-width: none; padding: 0; } .tools, .numbers-line { display: none; } section, figure, .chart { break-inside: avoid; } .scroll { overflow: visible; } .gantt svg { min-width: 0; } }
@media (prefers-reduced-motion: reduce) { circle { transition: none; } }
`;
