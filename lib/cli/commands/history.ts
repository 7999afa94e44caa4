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
    .description("list repairs that ended, latest first: of a slab, or of all")
    .argument("[slab]", `${SLAB_ARGUMENT}; also of a slab that is gone, by its id`)
    .option(
      "--host <key>",
      "only those that took a sector from this host, gave it one, or found one lost there",
    )
    .option("--outcome <outcome>", "only those that ended so: repaired, too-few-sources, …")
    .option("--since <time>", "only those that ended within this time: 30m, 12h, 7d", timeAgo)
    .option("--limit <n>", "at most this many", wholeNumber(1, MOST_REPAIRS), 20)
    .option("--cursor <text>", "what an earlier list ended with")
    .addHelpText(
      "after",
      `
--host and --outcome search 20,000 repairs at a time: when the list ends with a cursor, there may be more behind it.
--json has every move, by host key.`,
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
                    // An id needs no slab: the journal remembers those that are gone.
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
  if (repairs.length === 0) return [next === null ? "no repair" : "no repair so far", ...more].join("\n");
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
