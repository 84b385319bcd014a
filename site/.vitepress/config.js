import { defineConfig } from "vitepress";

// The pages are README.md and docs/ as they stand; "npm run docs:site" builds them into dist-site/, with examples/ beside them.

// Links to scripts are links to files, as those to .mjs and .yaml are.
process.env.VITE_EXTRA_EXTENSIONS = "sh";

const page = (text, name) => ({ text, link: `/docs/${name}` });

export default defineConfig({
  title: "moeplace",
  description: "Places the experts of Mixture-of-Experts models on chiplets or GPUs.",
  srcDir: "..",
  srcExclude: [
    "node_modules/**",
    "dist/**",
    "dist-site/**",
    "examples/**",
    "test/**",
    "site/**",
    "docs/best-known/**",
  ],
  outDir: "../dist-site",
  cacheDir: "../dist-site-cache",
  rewrites: { "README.md": "index.md", "docs/:folder/README.md": "docs/:folder/index.md" },
  cleanUrls: false,
  lastUpdated: false,
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Tutorials", link: "/docs/tutorials/serve", activeMatch: "/docs/tutorials/" },
      { text: "Concepts", link: "/docs/GLOSSARY" },
      { text: "Reference", link: "/docs/placement-format" },
      { text: "Decisions", link: "/docs/decisions/", activeMatch: "/docs/decisions/" },
      { text: "A report", link: "/live/report.html", target: "_self" },
      { text: "Playground", link: "/live/playground.html", target: "_self" },
      { text: "API", link: "/api/index.html", target: "_self" },
    ],
    sidebar: [
      {
        text: "Tutorials",
        items: [
          page("I serve a model", "tutorials/serve"),
          page("I design a package", "tutorials/architect"),
          page("I write programs", "tutorials/library"),
        ],
      },
      {
        text: "Concepts",
        items: [
          page("Words", "GLOSSARY"),
          page("Reading the report", "reading-the-report"),
          page("How the proof works", "how-the-proof-works"),
          page("Performance model", "performance-model"),
          page("GPU model", "gpu-model"),
          page("Schedules", "schedule"),
          page("Questions", "faq"),
        ],
      },
      {
        text: "Reference",
        items: [
          page("Traces", "trace-format"),
          page("Placements", "placement-format"),
          page("Engines", "engines"),
          page("Recording", "recording"),
          page("Renumbering checkpoints", "renumbering"),
          page("Configuration files", "configuration"),
          page("Sweeps", "sweep"),
          page("Watching", "watch"),
          page("Many machines", "scaling"),
          page("Benchmarks", "benchmarks"),
          page("Architecture", "ARCHITECTURE"),
          { text: "Changes", link: "/CHANGELOG" },
          { text: "Contributing", link: "/CONTRIBUTING" },
        ],
      },
      {
        text: "Extending",
        collapsed: true,
        items: ["solver", "objective", "constraint", "trace-format", "engine-export"].map((name) =>
          page(name.replace("-", " "), `extending/${name}`),
        ),
      },
      {
        text: "Decisions",
        collapsed: true,
        items: [
          "time",
          "kernels",
          "one-time",
          "bounds",
          "replicas",
          "two-level-hardware",
          "queue",
          "backends",
          "json-scanner",
        ].map((name) => page(name.replaceAll("-", " "), `decisions/${name}`)),
      },
    ],
  },
});
