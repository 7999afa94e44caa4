import { duration } from "../../reports/duration.ts";
import { MOST_REPAIRS, readHistoryReport } from "../../reports/history.ts";
import type { HistoryReport } from "../../reports/history-schema.ts";
import { parseHostKey, parseSlabId, type SlabId } from "../../slab/ids.ts";
import { action, type CommandHost } from "../command/command-context.ts";
import { findSlab, SLAB_ARGUMENT } from "../command/find-slab.ts";
import { withDatabase } from "../command/open-database.ts";
import { timeAgo, wholeNumber } from "../command/option-values.ts";
import { bytes, siacoins, table, wrapped } from "../command/quantities.ts";

interface HistoryOptions {
  readonly host?: string;
  readonly outcome?: string;
  readonly since?: number;
  readonly limit: number;
  readonly cursor?: string;
}

export function addHistory(host: CommandHost): void {
  host.program
    .command("history")
    .description("list finished repairs of one slab or of all slabs, latest first")
    .argument("[slab]", `${SLAB_ARGUMENT}; for a deleted slab, its id`)
    .option(
      "--host <key>",
      "only repairs that moved a sector from or to this host, or found a sector lost there",
    )
    .option("--outcome <outcome>", "only repairs with this outcome: repaired, too-few-sources, …")
    .option("--since <time>", "only repairs that ended in this time before now: 30m, 12h, 7d", timeAgo)
    .option("--limit <n>", "maximum number", wholeNumber(1, MOST_REPAIRS), 20)
    .option("--cursor <text>", "continue after the list that ended with this cursor")
    .addHelpText(
      "after",
      `
--host and --outcome search 20,000 repairs at a time: if the list ends with a cursor, more repairs may follow.
--json lists every move with host keys.`,
    )
    .action(
      action<HistoryOptions>(host, async (context, options, [slabText]) => {
        const { since, limit, outcome, cursor } = options;
        const hostKey = options.host === undefined ? undefined : parseHostKey(options.host.toLowerCase());
        const report = await withDatabase(context, { needs: "store" }, async (ask) => {
          const slabId =
            slabText === undefined
              ? undefined
              : await ask(
                  async (sql): Promise<SlabId> =>
                    // The id of a deleted slab works too: the journal still has its repairs.
                    /^\d+$/.test(slabText) ? parseSlabId(slabText) : (await findSlab(sql, slabText)).id,
                  { isIdempotent: true },
                );
          return readHistoryReport(ask, {
            slabId,
            host: hostKey,
            outcome,
            since: since === undefined ? undefined : new Date(context.io.clock.now() - since),
            limit,
            cursor,
          });
        });
        context.print(report, renderHistory(report));
        return "done";
      }),
    );
}

function renderHistory({ repairs, next }: HistoryReport): string {
  const more = next === null ? [] : wrapped(`earlier ones: --cursor ${next}`, 2);
  if (repairs.length === 0)
    return [next === null ? "no repairs" : "no repairs found so far", ...more].join("\n");
  return [
    ...table([
      ["ended", "slab", "outcome", "moved", "lost", "read", "paid", "took"],
      ...repairs.map((repair) => [
        repair.endedAt.replace(/\.\d+/, ""),
        repair.slabId,
        `${repair.outcome}${repair.error === null ? "" : ` (${repair.error})`}`,
        repair.moves.length,
        repair.lost.length,
        bytes(repair.bytesRead),
        siacoins(BigInt(repair.paid.hastings)),
        duration(repair.seconds),
      ]),
    ]),
    ...more,
  ].join("\n");
}
