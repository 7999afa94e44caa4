/**
 * `npm run docs:cost`: writes the tables of docs/cost.md from docs/cost/measured.json and docs/cost/prices.json.
 *
 *   --prices FILE  --measured FILE    with either, the tables are printed instead, for your own prices or measurements
 *                                     (what `npm run bench -- repairWall` prints)
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { PriceList } from "../bench/cost-model.ts";
import { costTables, withCostTables } from "../bench/cost-tables.ts";
import type { RepairWallResult } from "../bench/repair-wall.ts";

const { values } = parseArgs({ options: { prices: { type: "string" }, measured: { type: "string" } } });
const document = new URL("../docs/cost.md", import.meta.url);
const readJson = (path: string | undefined, standard: string): unknown =>
  JSON.parse(readFileSync(path ?? new URL(standard, import.meta.url), "utf8"));
const { repairWall } = readJson(values.measured, "../docs/cost/measured.json") as {
  repairWall: RepairWallResult;
};
const prices = readJson(values.prices, "../docs/cost/prices.json") as PriceList;
const tables = costTables(repairWall, prices);
if (values.prices === undefined && values.measured === undefined) {
  writeFileSync(document, withCostTables(readFileSync(document, "utf8"), tables));
} else {
  for (const [name, rows] of Object.entries(tables)) console.log(`${name}\n\n${rows}\n`);
}
