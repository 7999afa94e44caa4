import { sleep } from "../../../clock/sleep.ts";
import { readStatusReport } from "../../../reports/status.ts";
import { action, type CommandContext, type CommandHost, encode } from "../../command/command-context.ts";
import type { ExitReason } from "../../command/exit-codes.ts";
import { withDatabase } from "../../command/open-database.ts";
import { wholeNumber } from "../../command/option-values.ts";
import { describeFailure } from "../../command/report-failure.ts";
import { renderStatus } from "./render-status.ts";

interface StatusOptions {
  readonly watch?: boolean;
  readonly every: number;
}

/** Moves the cursor to the top and clears the screen below, so that a watched status does not scroll. */
const CLEAR = "\u001b[H\u001b[J";

export function addStatus(host: CommandHost): void {
  host.program
    .command("status")
    .description(
      "show the slabs' health in one sentence, then backlog, leases, throughput, outcomes and cost",
    )
    .option("-w, --watch", "repeat until Ctrl+C")
    .option("--every <seconds>", "with --watch: how often", wholeNumber(1, 3_600), 5)
    .addHelpText(
      "after",
      `
Unhealthy slabs are those found by the last walk over indexd's sectors; before the first walk the number is unknown. Margin:
sectors on good hosts, under any contract, minus min_shards. With --json --watch it prints one document per line. Ctrl+C ends
--watch with 0. If the database is lost while watching, it says so on standard error and tries again.`,
    )
    .action(
      action<StatusOptions>(host, async (context, options) => {
        if (options.watch === true) return await watch(context, options.every * 1_000);
        return withDatabase<ExitReason>(context, { needs: "store" }, async (ask) => {
          const report = await readStatusReport(ask);
          context.print(report, renderStatus(report));
          return "done";
        });
      }),
    );
}

/**
 * After the first report, two things end the command: Ctrl+C, which also interrupts a query, and a failure that the
 * database did not cause. Each round uses its own connection, so that a short outage of the database does not end the
 * command: the round prints a line with the failure instead of a report.
 */
async function watch(context: CommandContext, everyMs: number): Promise<ExitReason> {
  const { stdout, stderr, signal, clock } = context.io;
  let hasBegun = false;
  try {
    for (;;) {
      try {
        const report = await withDatabase(context, { needs: "store" }, readStatusReport);
        hasBegun = true;
        if (stdout.isTTY === true && !context.json) stdout.write(CLEAR);
        context.print(report, renderStatus(report));
      } catch (error) {
        signal.throwIfAborted();
        const { exit, ...failure } = describeFailure(error, signal);
        // Any failure before the first report ends the command; after it, only a failure that the database did not
        // cause.
        if (!hasBegun || exit !== "database") throw error;
        stderr.write(context.json ? `${encode({ error: failure })}\n` : `! ${failure.message}\n`);
      }
      await sleep(clock, everyMs, signal);
    }
  } catch (error) {
    if (signal.aborted) return "done";
    throw error;
  }
}
