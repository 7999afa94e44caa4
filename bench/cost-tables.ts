/** The tables of docs/cost.md. Each stands between `<!-- cost:NAME -->` and `<!-- /cost -->`. */
import { SCHEDULED_MEMORY_MB } from "../infra/limits.ts";
import { lambdaCost, type PriceList, scheduledUsd, serverCost, siacoinsPerTebibyte } from "./cost-model.ts";
import type { RepairCase, RepairWall, RepairWallResult } from "./repair-wall.ts";
import { alarmCounts, customMetrics } from "./watching.ts";

type CostTable = "measured" | "lambda" | "month" | "server" | "hosts";

const NAMES: Readonly<Record<RepairCase, string>> = {
  copy1: "1 sector copied",
  rebuild1: "1 of 30 rebuilt",
  rebuild5: "5 of 30 rebuilt",
  rebuild10: "10 of 30 rebuilt",
};
const MEBIBYTE = 2 ** 20;
const HASTINGS_PER_SIACOIN = 1e24;

export function costTables(
  { cases }: Pick<RepairWallResult, "cases">,
  prices: PriceList,
): Record<CostTable, string> {
  const rows = (cells: (repair: RepairWall) => readonly string[]): string[][] =>
    (Object.keys(NAMES) as RepairCase[]).map((name) => [NAMES[name], ...cells(cases[name])]);
  const mebibytes = (bytes: number): string => (bytes / MEBIBYTE).toFixed(1);
  return {
    measured: table(
      "each repair|wall ms: mean, median, slowest|first, nothing known|copy / rebuild / store ms|CPU ms|MiB read|MiB written|log bytes|peak MiB|SC charged",
      rows((repair) => [
        [repair.wallMs, repair.medianWallMs, repair.slowestWallMs].join(", "),
        String(repair.firstWallMs),
        ["copy", "rebuild", "store"].map((phase) => repair.phasesMs[phase] ?? "–").join(" / "),
        String(repair.cpuMs),
        mebibytes(repair.bytesRead),
        mebibytes(repair.bytesWritten),
        String(repair.logBytes),
        repair.peakMebibytes.toFixed(0),
        (Number(repair.hastingsCharged) / HASTINGS_PER_SIACOIN).toFixed(4),
      ]),
    ),
    lambda: table(
      "a TiB|GB-seconds|compute $|requests $|logs $|traffic out $|**sum $**|a NAT gateway besides $",
      rows((repair) => {
        const cost = lambdaCost(repair, prices);
        return [
          Math.round(cost.gbSeconds).toLocaleString("en-US"),
          cost.computeUsd.toFixed(1),
          cost.requestsUsd.toFixed(2),
          cost.logsUsd.toFixed(2),
          cost.trafficUsd.toFixed(1),
          `**${cost.sumUsd.toFixed(1)}**`,
          cost.natGatewayUsd.toFixed(0),
        ];
      }),
    ),
    month: monthTable(prices),
    server: table(
      "a TiB|hours of the line|hours of the cores|**$**|repairs at once",
      rows((repair) => {
        const cost = serverCost(repair, prices);
        return [
          cost.lineHours.toFixed(1),
          cost.cpuHours.toFixed(1),
          `**${cost.usd.toFixed(2)}**`,
          String(cost.concurrency),
        ];
      }),
    ),
    hosts: table(
      "a TiB|SC",
      rows((repair) => [siacoinsPerTebibyte(repair, prices).toFixed(0)]),
    ),
  };
}

/** What a stage costs whether or not it repairs. */
function monthTable(prices: PriceList): string {
  const { usdPerCustomMetric, usdPerAlarmMetric, usdPerDashboard } = prices.watching;
  const dollars = (usd: number): string => `${usd.toFixed(0)} $`;
  const custom = customMetrics().length;
  const { alarms, metrics } = alarmCounts();
  const scheduled = (seconds: number): string => dollars(scheduledUsd(seconds, SCHEDULED_MEMORY_MB, prices));
  return table("each month|costs", [
    [
      `custom metrics, at most ${custom} × ${usdPerCustomMetric.toFixed(2)} $`,
      dollars(custom * usdPerCustomMetric),
    ],
    [
      `${alarms} alarms of ${metrics} metrics × ${usdPerAlarmMetric.toFixed(2)} $`,
      dollars(metrics * usdPerAlarmMetric),
    ],
    ["dashboard", dollars(usdPerDashboard)],
    [`claim and reap with nothing to do (if 1 s a minute each, ${SCHEDULED_MEMORY_MB} MB)`, scheduled(2)],
    [`claim with a backlog all month long (55 s a minute, ${SCHEDULED_MEMORY_MB} MB)`, scheduled(55)],
    ["the queue's pollers, the schedules (88,000 of 14 million free invocations)", "< 1 $"],
  ]);
}

function table(header: string, rows: readonly (readonly string[])[]): string {
  const columns = header.split("|");
  return [columns, columns.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** @throws when the document lacks a table's place */
export function withCostTables(document: string, tables: Readonly<Record<CostTable, string>>): string {
  let text = document;
  for (const [name, rows] of Object.entries(tables)) {
    const place = new RegExp(`(<!-- cost:${name} -->\n)[^]*?(<!-- /cost -->)`);
    if (!place.test(text)) throw new Error(`expected <!-- cost:${name} --> … <!-- /cost -->, got none`);
    text = text.replace(place, (_all, open: string, close: string) => `${open}${rows}\n${close}`);
  }
  return text;
}
