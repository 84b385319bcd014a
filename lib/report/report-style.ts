/** Colours by light and by dark; Okabe and Ito's, which every kind of colour vision tells apart. */
export const reportColours = `
:root { color-scheme: light dark; --background: #fff; --text: #1a1d21; --quiet: #59616b; --line: #d5d9de;
  --best: #0072b2; --other: #b4bcc6; --bound: #b34700; --series-0: #7a828c; --series-1: #b34700; --series-2: #007a5a;
  --series-3: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --background: #15181c; --text: #e7eaee; --quiet: #a3abb5;
  --line: #3a4049; --best: #56b4e9; --other: #59616b; --bound: #ff9a52; --series-0: #9aa3ad; --series-1: #ff9a52;
  --series-2: #2fc79b; --series-3: #56b4e9; } }
`;

/** Style of the report. */
export const reportStyle = `${reportColours}
body { margin: 0; background: var(--background); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 760px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.7rem; margin: 0 0 .5rem; line-height: 1.2; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
.headline { font-size: 1.1rem; margin: .25rem 0; }
.quiet, .caption, figcaption { color: var(--quiet); font-size: .875rem; }
svg { display: block; width: 100%; height: auto; }
.plan text { fill: var(--text); font: 11px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.plan text.quiet { fill: var(--quiet); font-size: 10px; }
.plan text.small { font-size: 10px; }
.plan .group { fill: none; stroke: var(--line); }
.plan .root { fill: none; stroke: var(--quiet); }
.plan .load { fill: var(--best); stroke: var(--best); }
.pair { display: flex; flex-wrap: wrap; gap: 16px; }
figure { flex: 1 1 300px; margin: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); }
.number { text-align: right; }
`;
