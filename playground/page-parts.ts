/** What the page shows before its script runs. */
export function playgroundBody(version: string): string {
  return `<main class="playground">
<header><h1>moeplace playground</h1>
<p class="headline" id="headline">Drop a routing trace, and watch its experts find their chiplets.</p>
<p class="quiet">Everything happens in this page: no file leaves your computer, and no network is needed. moeplace ${version}, HiGHS in WebAssembly.</p></header>
<section aria-labelledby="trace-title" class="first"><h2 id="trace-title">1. Trace</h2>
<div class="drop" id="drop"><label for="files">Drop trace files here, or choose them</label>
<input type="file" id="files" multiple><span class="or">or</span><button type="button" id="sample" class="primary">Try with a sample</button></div>
<p id="trace" class="numbers-line" role="status"></p></section>
<section aria-labelledby="machine-title"><h2 id="machine-title">2. Machine and objective</h2>
<form id="form" class="fields">
<label class="wide-field">Machine <select id="hardware"></select></label>
<label>Chiplets or GPUs <input id="chiplets" type="number" min="1" max="4096" required></label>
<label>Groups <input id="groups" type="number" min="1" max="4096" required></label>
<label>Minimise <select id="objective"><option value="auto">as moeplace chooses</option><option value="time">time of a step</option><option value="traffic">token copies, C_T</option><option value="load">largest load</option></select></label>
<div class="actions"><button class="primary" id="place" disabled>Place</button><button type="button" id="stop" disabled>Stop</button></div>
</form><p id="about" class="quiet"></p></section>
<section aria-labelledby="watch-title" id="watch" hidden><h2 id="watch-title">3. Watch it converge</h2>
<p id="failure" role="alert" class="failure" hidden></p>
<dl class="cards" id="cards"></dl>
<div class="tools"><label class="grow">Layer <input type="range" id="layer" min="0" max="0" value="0"></label><span id="layer-name"></span>
<label><input type="checkbox" id="follow" checked> follow the solver</label></div>
<div class="stage"><div><h3>Floor plan</h3><div id="plan" role="img" aria-label="floor plan"></div>
<p class="caption">Every square is an expert, of stronger colour the more tokens choose it; boxes are chiplets in their groups. Bars below are loads of chiplets, the line their mean.</p></div>
<div><h3 id="chart-title">Incumbent and bound</h3><div id="chart" role="img" aria-label="incumbent and bound over time"></div>
<ul class="legend"><li><i class="incumbent"></i>incumbent: best C_T found</li><li><i class="bound"></i>proved: no placement has less</li></ul>
<p class="caption">C_T is the mean number of chiplets that a token is sent to. Where the two lines meet, the placement is proved best in C_T.</p>
<p id="told" class="numbers-line" role="status" aria-live="polite"></p>
<div id="result" hidden><h3>Take it with you</h3><p><a id="download" class="primary" download="placement.json">Download the placement</a></p>
<p class="caption">The file that <code>moeplace place</code> writes: <code>moeplace verify</code> checks it, <code>moeplace export</code> hands it to an engine.</p></div></div></div></section>
</main>`;
}

/** Style beyond that of the report. */
export const playgroundStyle = `
.playground h2 { margin-top: 1.75rem; } .playground section.first h2 { margin-top: 0; } [hidden] { display: none !important; }
.playground .cards { grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); } .playground h1 { font-weight: 600; color: var(--best); }
.drop { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: center; padding: 1.25rem; border: 2px dashed var(--line); border-radius: 10px; background: var(--raised); transition: border-color .15s; }
.drop.over { border-color: var(--best); } .drop label { font-weight: 600; } .drop input { font: inherit; font-size: .875rem; max-width: 100%; } .drop .or { color: var(--quiet); }
.playground button, a.primary { font: inherit; font-size: .9375rem; color: var(--text); background: var(--background); border: 1px solid var(--line); border-radius: 8px; padding: .45rem 1rem; cursor: pointer; min-height: 40px; text-decoration: none; display: inline-block; }
.playground button.primary, a.primary { background: var(--best); border-color: var(--best); color: var(--background); font-weight: 600; } .playground button:disabled { opacity: 1; background: var(--raised); border-color: var(--line); color: var(--quiet); cursor: not-allowed; }
.fields { display: flex; flex-wrap: wrap; gap: .75rem 1rem; align-items: end; } .fields label { display: grid; gap: .2rem; font-size: .8125rem; color: var(--quiet); min-width: 0; } .fields .wide-field { flex: 1 1 240px; }
.fields select, .fields input { font: inherit; font-size: .9375rem; color: var(--text); background: var(--background); border: 1px solid var(--line); border-radius: 8px; padding: .4rem .6rem; min-height: 40px; width: 100%; min-width: 0; } .fields input { max-width: 9rem; }
.actions { display: flex; gap: .5rem; } .failure { color: var(--hot); font-weight: 600; overflow-wrap: anywhere; white-space: pre-line; }
.stage { display: grid; grid-template-columns: minmax(0, 1.35fr) minmax(0, 1fr); gap: 12px 36px; align-items: start; } @media (max-width: 820px) { .stage { grid-template-columns: minmax(0, 1fr); } }
#plan svg, #chart svg { overflow: hidden; } #plan .expert rect { fill: color-mix(in oklch, var(--best) calc(22% + 78% * var(--load)), var(--background)); } #plan .expert text { fill: var(--text); } #plan .expert.heavy text { fill: var(--background); }
#plan .expert { transition: transform .55s cubic-bezier(.3, .8, .3, 1); } #plan .chiplet { fill: var(--background); stroke: var(--line); } #plan .group { fill: var(--raised); stroke: var(--line); } #plan .name { fill: var(--quiet); }
#plan .bar { fill: var(--series-0); transition: transform .4s; transform-box: fill-box; transform-origin: left; } #plan .bar.over { fill: var(--bound); } #plan .mean { stroke: var(--text); stroke-width: 1.5; }
#chart .axis { stroke: var(--line); } #chart text { fill: var(--quiet); } #chart path { fill: none; stroke-width: 2.5; stroke-linejoin: round; } #chart .incumbent { stroke: var(--best); } #chart .bound { stroke: var(--bound); } #chart .gap { fill: color-mix(in srgb, var(--best) 12%, transparent); stroke: none; }
#chart circle.incumbent { fill: var(--best); } #chart circle.bound { fill: var(--bound); stroke: none; } .legend i.incumbent { background: var(--best); } .legend i.bound { background: var(--bound); }
@media (prefers-reduced-motion: reduce) { #plan .expert, #plan .bar, .drop { transition: none; } }
`;
