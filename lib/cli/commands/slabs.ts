import { duration } from "../../reports/duration.ts";
import { MOST_SLABS, readSlabsReport } from "../../reports/slabs.ts";
import type { SlabsReport, UnhealthySlab } from "../../reports/slabs-schema.ts";
import { action, type CommandHost } from "../command/command-context.ts";
import { withDatabase } from "../command/open-database.ts";
import { wholeNumber } from "../command/option-values.ts";
import { table, wrapped } from "../command/quantities.ts";

interface SlabsOptions {
  readonly atRisk?: boolean;
  readonly margin?: number;
  readonly cause?: string;
  readonly limit: number;
  readonly cursor?: string;
}

export function addSlabs(host: CommandHost): void {
  host.program
    .command("slabs")
    .description("list unhealthy slabs with causes and objects, most likely to be lost first")
    .option("--at-risk", "only slabs in danger")
    .option("--margin <n>", "only slabs with this margin or less", wholeNumber(0, 255))
    .option(
      "--cause <cause>",
      "only slabs with a bad sector of this cause: lost, denied, bad-contract, bad-host or draining",
    )
    .option("--limit <n>", "maximum number", wholeNumber(1, MOST_SLABS), 50)
    .option("--cursor <text>", "continue after the list that ended with this cursor")
    .addHelpText(
      "after",
      `
Lists the findings of the last walk over indexd's sectors. Margin: sectors on good hosts, under any contract, minus min_shards.
Loss: the probability that the slab is lost within a week. In danger (!): a probability above 1 in 10,000, or a last repair that
found too few sources. Objects are counted up to 1000; --json lists some keys. slabmend slab shows one slab shard by shard.`,
    )
    .action(
      action<SlabsOptions>(host, async (context, options) => {
        const report = await withDatabase(context, { needs: "store" }, (ask) =>
          readSlabsReport(ask, options),
        );
        context.print(report, renderSlabs(report));
        return "done";
      }),
    );
}

function renderSlabs(report: SlabsReport): string {
  const { slabs, matching, next } = report;
  const known =
    report.walkFinishedAt === null ? ["! no walk has finished yet: there may be more unhealthy slabs"] : [];
  if (slabs.length === 0) return [...known, "no slab"].join("\n");
  return [
    ...known,
    `${matching} ${matching === 1 ? "slab" : "slabs"}${matching > slabs.length ? `, ${slabs.length} of them here` : ""}`,
    ...table([
      ["", "slab", "shards", "margin", "loss", "objects", "state", "causes"],
      ...slabs.map((slab) => [
        slab.inDanger ? "!" : "",
        slab.id,
        `${slab.minShards ?? "?"} of ${slab.totalShards}`,
        slab.margin,
        slab.lossProbability.toPrecision(2),
        `${slab.objects.count}${slab.objects.more ? "+" : ""}`,
        describeState(slab, report.at),
        describeCauses(slab),
      ]),
    ]),
    ...(next === null ? [] : wrapped(`next page: --cursor ${next}`, 2)),
  ].join("\n");
}

function describeState({ state, until, lastOutcome }: UnhealthySlab, at: string): string {
  const seconds = until === null ? 0 : (Date.parse(until) - Date.parse(at)) / 1_000;
  const left = until === null ? "" : ` for ${duration(Math.max(0, seconds))}`;
  return `${state}${left}${lastOutcome === null ? "" : `, last ${lastOutcome}`}`;
}

const describeCauses = ({ causes }: UnhealthySlab): string =>
  Object.entries(causes)
    .map(([cause, sectors]) => `${sectors} ${cause}`)
    .join(", ");
