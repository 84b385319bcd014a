/** moeplace/report: tables, pictures and pages. */
export { coactivationGexf } from "../lib/report/coactivation-gexf.js";
export {
  beforeAfterTable,
  comparedWorth,
  verdictSentence,
  worthSentence,
} from "../lib/report/before-after.js";
export { counted } from "../lib/counted.js";
export { comparisonCsv, comparisonData, layerData } from "../lib/report/comparison-data.js";
export { comparisonHeadline, comparisonTable } from "../lib/report/comparison-table.js";
export { placementTable } from "../lib/report/placement-table.js";
export { formatTime } from "../lib/report/format-time.js";
export { ganttSvg, type GanttSvgOptions } from "../lib/report/gantt-svg.js";
export { ganttText } from "../lib/report/gantt-text.js";
export type { ObjectiveName } from "../lib/report/judged.js";
export type { Figure } from "../lib/report/figure-document.js";
export { comparisonFigures } from "../lib/report/figures.js";
export { plainSvg } from "../lib/report/plain-svg.js";
export { comparisonPicture } from "../lib/report/comparison-picture.js";
export type { ReportMaking } from "../lib/report/page-provenance.js";
export { reportPage, type FiguresInput, type ReportInput } from "../lib/report/report-page.js";
export { perfettoJson, type PerfettoOptions } from "../lib/report/perfetto.js";
export { recordsCsv } from "../lib/report/records-csv.js";
export { printableLines } from "../lib/printable.js";
export { sweepPage } from "../lib/report/sweep-page.js";
export { tableOf, timeColumn, type TableColumn, type TableText } from "../lib/report/table.js";
export { markFronts, sweepCsv, sweepData, sweepTable, type MarkedRow } from "../lib/report/sweep-table.js";
