import type { Command } from "commander";
import { readUnfinishedRun, requestOfRun } from "../../../database/runs/maintenance-runs.ts";
import type { RunRequest } from "../../../database/runs/run.ts";
import { noRun } from "../../../database/runs/run-error.ts";
import { readMaintenanceReport } from "../../../reports/maintenance.ts";
import { createLogger } from "../../../telemetry/logger.ts";
import { coordinateWithoutHosts } from "../../../worker/coordinate-without-hosts.ts";
import { action, type CommandContext, type CommandHost } from "../../command/command-context.ts";
import { withDatabase } from "../../command/open-database.ts";
import { wholeNumber } from "../../command/option-values.ts";
import { coordinateRun, untilEnded } from "./coordinate-run.ts";
import { renderMaintenance } from "./render-maintenance.ts";

const REQUESTS: readonly (readonly [RunRequest, string])[] = [
  ["pause", "pause the run after the current batch"],
  ["resume", "continue a paused run"],
  ["cancel", "end the run after the current batch; its records stay"],
];
const END_MS = 10_000;

export function addSteering(group: Command, host: CommandHost): void {
  group
    .command("status")
    .description("show the unfinished run (if there is none, the last run) and earlier runs")
    .option("--limit <n>", "maximum number of earlier runs", wholeNumber(0, 1_000), 10)
    .action(
      action<{ limit: number }>(host, async (context, { limit }) => {
        const report = await withDatabase(context, { needs: "store" }, (ask) =>
          readMaintenanceReport(ask, { earlier: limit }),
        );
        context.print(report, renderMaintenance(report));
        return "done";
      }),
    );
  group
    .command("watch")
    .description("show the progress of the unfinished run until it ends; Ctrl+C only stops watching")
    .option("--coordinate", "also execute it here while no other process does")
    .action(
      action<{ coordinate?: boolean }>(host, async (context, { coordinate }) =>
        withDatabase(context, { needs: coordinate === true ? "fleet" : "store" }, async (ask, access) => {
          const run = await ask(readUnfinishedRun, { isIdempotent: true });
          if (run === undefined) throw noRun();
          access.ignoreSignals();
          return await (coordinate === true
            ? coordinateRun(context, ask, run)
            : untilEnded(context, ask, run));
        }),
      ),
    );
  for (const [request, description] of REQUESTS) {
    group
      .command(request)
      .description(description)
      .action(action<object>(host, (context) => ask(context, request)));
  }
}

async function ask(context: CommandContext, request: RunRequest): Promise<"done"> {
  const { clock, signal } = context.io;
  const needs = request === "cancel" ? "fleet" : "store";
  const report = await withDatabase(context, { needs }, async (askDatabase) => {
    const { id } = await askDatabase((sql) => requestOfRun(sql, request));
    if (request === "cancel") {
      // If a process executes the run, that process ends it. Otherwise `coordinateWithoutHosts` below ends it at once.
      const variables = context.parse(["SLABMEND_ACCEPT_INDEXD_VERSION"]);
      const acceptedVersion = variables.SLABMEND_ACCEPT_INDEXD_VERSION;
      const logger = createLogger("silent", { indexer: "default" });
      await coordinateWithoutHosts(askDatabase, { clock, signal, logger, acceptedVersion }, END_MS);
    }
    return await readMaintenanceReport(askDatabase, { id });
  });
  context.print(report, renderMaintenance(report));
  return "done";
}
