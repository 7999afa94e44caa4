import { sleep } from "../../../clock/sleep.ts";
import type { Ask } from "../../../database/client/deadline-client.ts";
import { readRun } from "../../../database/runs/maintenance-runs.ts";
import { ATTENDED_KINDS, type Run } from "../../../database/runs/run.ts";
import { runAttended } from "../../../database/runs/run-error.ts";
import { kindOf, readMaintenanceReport } from "../../../reports/maintenance.ts";
import { createLogger } from "../../../telemetry/logger.ts";
import { coordinateWithoutHosts } from "../../../worker/coordinate-without-hosts.ts";
import { MAINTENANCE_VARIABLES, openMaintenance } from "../../../worker/open-maintenance.ts";
import type { CommandContext } from "../../command/command-context.ts";
import type { ExitReason } from "../../command/exit-codes.ts";
import { progressLine, renderMaintenance } from "./render-maintenance.ts";

const POLL_MS = 2_000;
const BUDGET_MS = 60_000;

/** Executes the run, or watches another process do so, until the run ends or a signal ends the command. */
export async function coordinateRun(context: CommandContext, ask: Ask, run: Run): Promise<ExitReason> {
  const { clock, signal } = context.io;
  if (ATTENDED_KINDS.includes(run.kind)) throw runAttended(run);
  const logged = context.parse(["SLABMEND_LOG_LEVEL", "SLABMEND_INDEXER", "SLABMEND_ACCEPT_INDEXD_VERSION"]);
  const logger = createLogger(logged.SLABMEND_LOG_LEVEL, {
    indexer: logged.SLABMEND_INDEXER,
    destination: { write: (line) => void context.io.stderr.write(line) },
  });
  if (kindOf(run)?.readsHosts === false) {
    const acceptedVersion = logged.SLABMEND_ACCEPT_INDEXD_VERSION;
    return await untilEnded(context, ask, run, (onStep) =>
      coordinateWithoutHosts(ask, { clock, logger, signal, acceptedVersion, onStep }, BUDGET_MS),
    );
  }
  const environment = context.parse(MAINTENANCE_VARIABLES);
  const coordinator = openMaintenance({ environment, clock, logger, signal });
  try {
    return await untilEnded(context, ask, run, (onStep) => coordinator.advance(ask, BUDGET_MS, onStep));
  } finally {
    await coordinator.close();
  }
}

/** @param advance executes the next batch; undefined: only watch */
export async function untilEnded(
  context: CommandContext,
  ask: Ask,
  started: Run,
  advance?: (onStep: (run: Run) => void) => Promise<Run | undefined>,
): Promise<ExitReason> {
  const { clock, signal } = context.io;
  const line = createProgressLine(context);
  let run: Run | undefined = started;
  while (!signal.aborted && run !== undefined && run.finishedAt === null) {
    line.show(run);
    const moved = await advance?.((now) => line.show(now)).catch(unlessAborted(signal));
    run = await ask((sql) => readRun(sql, started.id), { isIdempotent: true });
    if (moved === undefined || run?.state === "paused") await sleep(clock, POLL_MS, signal).catch(() => {});
  }
  line.end();
  const report = await readMaintenanceReport(ask, { id: started.id });
  context.print(report, renderMaintenance(report));
  if (run === undefined || run.finishedAt === null) {
    const by = ATTENDED_KINDS.includes(started.kind)
      ? `only slabmend ${started.kind} can continue`
      : "serve, work --from-database or maintenance watch --coordinate continues";
    context.note(`detached: ${by} the run`);
    return "interrupted";
  }
  return run.state === "done" && kindOf(run)?.hasFindings(run) !== true ? "done" : "findings";
}

/** Ignores the error of a batch that Ctrl+C interrupted: whichever process continues the run repeats the batch. */
const unlessAborted = (signal: AbortSignal) => (error: unknown) => {
  if (!signal.aborted) throw error;
  return undefined;
};

/** Shows the run's progress in one line that is overwritten, if the output is a terminal. */
function createProgressLine(context: CommandContext): { show(run: Run): void; end(): void } {
  const { stderr } = context.io;
  const isShown = stderr.isTTY === true && !context.json;
  return {
    show(run) {
      if (isShown) stderr.write(`\r\x1b[2K${progressLine(run)}`);
    },
    end() {
      if (isShown) stderr.write("\r\x1b[2K");
    },
  };
}
