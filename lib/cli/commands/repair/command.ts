import { DEFAULT_CLAIM_SETTINGS } from "../../../jobs/claim/claim-settings.ts";
import { logDestination } from "../../../telemetry/log-format.ts";
import { openRepairEnvironment, REPAIR_VARIABLES } from "../../../worker/open-repair-environment.ts";
import { action, type CommandHost } from "../../command/command-context.ts";
import { findSlab, SLAB_ARGUMENT } from "../../command/find-slab.ts";
import { withDatabase } from "../../command/open-database.ts";
import { logFormatOf } from "../../command/open-log.ts";
import { wholeNumber } from "../../command/option-values.ts";
import { bytes, siacoins } from "../../command/quantities.ts";
import { type RepairNowReport, repairNow } from "./repair-now.ts";
import { repairRemedy } from "./repair-remedy.ts";

interface RepairCommandOptions {
  readonly force?: boolean;
  readonly timeout: number;
  readonly verbose?: boolean;
}

export function addRepair(host: CommandHost): void {
  host.program
    .command("repair")
    .description("repair one slab now, from this machine")
    .argument("<slab>", SLAB_ARGUMENT)
    .option(
      "--timeout <seconds>",
      "time limit of the repair; sectors that it has moved by then stay moved",
      wholeNumber(10, 3_600),
      300,
    )
    .option(
      "--force",
      "ignore a quarantine, a pause, and that indexd may be repairing the slab (then indexd and slabmend may move the same sectors)",
    )
    .option(
      "--verbose",
      "print the log before the report: as text, or as JSON lines with --json or without a terminal",
    )
    .addHelpText(
      "after",
      `
Leases the slab as claim does, so that no worker takes it meanwhile, and repairs it like the function, with the same
code and variables (docs/configuration.md). It does not wait for slabmend's own backoff. Needs
SLABMEND_MIGRATION_SEED. If the command is killed, its lease ends after two minutes and reap frees the slab.`,
    )
    .action(
      action<RepairCommandOptions>(host, async (context, options, [slabText = ""]) => {
        const variables = {
          ...context.variables,
          SLABMEND_DATABASE_URL: context.databaseUrl?.reveal(),
          // Without --verbose there is no log: standard output is reserved for the report.
          SLABMEND_LOG_LEVEL: options.verbose === true ? "debug" : "silent",
          SLABMEND_METRICS_NAMESPACE: "",
        };
        const { SLABMEND_INDEXD_GRACE_SECONDS: graceSeconds } = context.parse([
          "SLABMEND_INDEXD_GRACE_SECONDS",
        ]);
        const report = await withDatabase(context, { needs: "fleet" }, async (ask, access) => {
          const slab = await ask((sql) => findSlab(sql, slabText), { isIdempotent: true });
          // Checked before leasing: a malformed seed must not leave a lease behind.
          context.parse(REPAIR_VARIABLES.filter((name) => name !== "SLABMEND_DATABASE_URL"));
          const environment = openRepairEnvironment({
            variables,
            logDestination: logDestination(logFormatOf(context), host.io.stdout, variables),
          });
          try {
            access.ignoreSignals();
            context.note(`repairing slab ${slab.id} …`);
            host.io.signal.addEventListener("abort", () =>
              context.note(
                "finishing this repair; a second signal ends it at once, and reap will free the slab",
              ),
            );
            return await repairNow(ask, environment, slab, {
              holdMs: DEFAULT_CLAIM_SETTINGS.holdMs,
              graceMs: graceSeconds * 1_000,
              force: options.force === true,
              timeoutMs: options.timeout * 1_000,
            });
          } finally {
            await environment.close();
          }
        });
        const remedy = repairRemedy(report);
        context.print(
          { ...report, remedy },
          [renderRepair(report), ...(remedy === undefined ? [] : [remedy])].join("\n"),
        );
        return report.outcome === "repaired" || report.outcome === "healthy" ? "done" : "findings";
      }),
    );
}

function renderRepair({ slabId, outcome, why, journal }: RepairNowReport): string {
  const head = `slab ${slabId}: ${outcome}${why === undefined ? "" : ` (${why})`}`;
  if (journal === undefined) return head;
  return [
    `${head}${journal.error === undefined ? "" : `, error ${journal.error}`}`,
    ...journal.moves.map(
      ({ index, from, to, how }) =>
        `  shard ${index}: ${how}, ${from === null ? "lost" : `host ${from}`} → host ${to}`,
    ),
    ...journal.dropped.map(({ index, why: reason }) => `  shard ${index}: dropped, ${reason}`),
    ...journal.lost.map(({ root, host }) => `  sector ${root.slice(0, 16)}…: lost on host ${host}`),
    `${bytes(journal.bytesRead)} read, ${bytes(journal.bytesWritten)} written, ${siacoins(journal.hastings)}`,
  ].join("\n");
}
