/** Runs a restore's coordinator without the command line, and times its steps. */
import { randomBytes } from "node:crypto";
import type { ArchiveStorage } from "../../lib/archive/archive-storage.ts";
import { systemClock } from "../../lib/clock/clock.ts";
import { parseEnvironment } from "../../lib/config/parse-environment.ts";
import type { Ask } from "../../lib/database/client/deadline-client.ts";
import type { Run } from "../../lib/database/runs/run.ts";
import { restoreCheckpointOf } from "../../lib/jobs/restore/restore-run.ts";
import { createLogger } from "../../lib/telemetry/logger.ts";
import { MAINTENANCE_VARIABLES } from "../../lib/worker/open-maintenance.ts";
import { openRestore } from "../../lib/worker/open-restore.ts";

export interface Measured {
  readonly run: Run;
  /** Duration of each step, by the step's name. */
  readonly seconds: Readonly<Record<string, number>>;
}

const BUDGET_MS = 3_600_000;

/** Advances a restore until it has ended or has reached the step `until`. */
export async function advanceTimed(
  ask: Ask,
  options: {
    readonly variables?: Readonly<Record<string, string>>;
    readonly archive?: ArchiveStorage;
    readonly until?: string;
  },
): Promise<Measured> {
  const variables = { SLABMEND_MIGRATION_SEED: randomBytes(32).toString("hex"), ...options.variables };
  const stop = new AbortController();
  const coordinator = openRestore({
    environment: parseEnvironment(MAINTENANCE_VARIABLES, variables),
    archive: options.archive,
    clock: systemClock,
    logger: createLogger("warn", { indexer: "default" }),
    signal: stop.signal,
  });
  const seconds: Record<string, number> = {};
  let current = "contracts";
  let sinceMs = performance.now();
  let last: Run | undefined;
  const onStep = (run: Run): void => {
    last = run;
    const nowMs = performance.now();
    seconds[current] = (seconds[current] ?? 0) + (nowMs - sinceMs) / 1_000;
    sinceMs = nowMs;
    current = restoreCheckpointOf(run).step;
    if (current === options.until) stop.abort();
  };
  await coordinator.advance(ask, BUDGET_MS, onStep).finally(() => coordinator.close());
  if (last?.error != null) throw new Error(last.error.message);
  return { run: last!, seconds };
}

export const perSecond = (count: number, seconds: number): number => Math.round(count / seconds);
export const rounded = (value: number): number => Math.round(value * 100) / 100;
