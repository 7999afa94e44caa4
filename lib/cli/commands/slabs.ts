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
    .description("list unhealthy slabs, the most likely to be lost first, with reasons and objects")
    .option("--at-risk", "only slabs in danger")
    .option("--margin <n>", "only slabs with at most this margin", wholeNumber(0, 255))
    .option(
      "--cause <cause>",
      "only slabs with a sector of this cause: lost, denied, bad-contract, bad-host or draining",
    )
    .option("--limit <n>", "at most this many", wholeNumber(1, MOST_SLABS), 50)
    .option("--cursor <text>", "what an earlier list ended with")
    .addHelpText(
      "after",
      `
What the last walk over indexd's sectors found. Margin: sectors on good hosts, under any contract, minus min_shards.
Loss: how likely the slab is lost within a week. In danger (!): more likely than 1 in 10,000, or its last repair found too few
sources. Objects are counted up to 1000; --json has some of their keys. slabmend slab shows one shard by shard.`,
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
  const known = report.walkFinishedAt === null ? ["! no walk has finished yet: there may be more"] : [];
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
    ...(next === null ? [] : wrapped(`the next ones: --cursor ${next}`, 2)),
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
