import { sleep } from "../../clock/sleep.ts";
import { readStatus } from "../../store/read-status.ts";
import { action, type CommandHost } from "../command-context.ts";
import type { ExitReason } from "../exit-codes.ts";
import { withDatabase } from "../open-database.ts";
import { wholeNumber } from "../option-values.ts";
import { renderStatus, reportStatus } from "../status.ts";

interface StatusOptions {
  readonly watch?: boolean;
  readonly every: number;
}

/** Moves the cursor home and clears what is below, so that a watched status stands still. */
const CLEAR = "\u001b[H\u001b[J";

export function addStatus(host: CommandHost): void {
  host.program
    .command("status")
    .description("show backlog, leases, throughput, outcomes, cost, dead letters and quarantine")
    .option("-w, --watch", "again and again, until Ctrl+C")
    .option("--every <seconds>", "with --watch: how often", wholeNumber(1, 3_600), 5)
    .addHelpText(
      "after",
      `
The backlog is what the last walk over indexd's sectors found; margin is how many more sectors a slab can lose. With
--json --watch it prints one document a line. Reads our own tables only.`,
    )
    .action(
      action<StatusOptions>(host, async (context, options) => {
        const { stdout, signal, clock } = context.io;
        return withDatabase<ExitReason>(context, { needs: "store" }, async (sql) => {
          for (;;) {
            const report = reportStatus(await readStatus(sql));
            if (options.watch === true && stdout.isTTY === true && !context.json) stdout.write(CLEAR);
            context.print(report, renderStatus(report));
            if (options.watch !== true) return "done";
            const interrupted = await sleep(clock, options.every * 1_000, signal).then(
              () => false,
              () => true,
            );
            // Ctrl+C is how watching ends.
            if (interrupted) return "done";
          }
        });
      }),
    );
}
