import type { Clock } from "../clock/clock.ts";
import type { Environment } from "../config/parse-environment.ts";
import type { Ask } from "../database/client/deadline-client.ts";
import type { Run } from "../database/runs/run.ts";
import { createDrainJob } from "../jobs/drain/drain-job.ts";
import { advanceRun } from "../jobs/maintenance/advance-run.ts";
import { createVerifyJob, type VerifyStep } from "../jobs/verify/verify-job.ts";
import type { Logger } from "../telemetry/logger.ts";
import { coordinatorName } from "./coordinate-without-hosts.ts";
import { openProofReader } from "./open-proof-reader.ts";

/** The variables that a coordinator needs in order to read from hosts. */
export const MAINTENANCE_VARIABLES = [
  "SLABMEND_MIGRATION_SEED",
  "SLABMEND_ALLOW_PRIVATE_ADDRESSES",
  "SLABMEND_ACCEPT_INDEXD_VERSION",
] as const;

export interface MaintenanceOptions {
  readonly environment: Pick<Environment, (typeof MAINTENANCE_VARIABLES)[number]>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Cancels this coordinator's work in progress; another process then continues the maintenance run. */
  readonly signal: AbortSignal;
  /** For kill tests. */
  readonly step?: (name: VerifyStep) => void | Promise<void>;
}

/** Coordinates maintenance runs, as one of several jobs of a process. */
export interface MaintenanceCoordinator {
  /** See {@link advanceRun}. */
  advance(ask: Ask, limitMs: number, onStep?: (run: Run) => void): Promise<Run | undefined>;
  close(): Promise<void>;
}

/** A coordinator that reads hosts. It opens no connection before there is a run. */
export function openMaintenance(options: MaintenanceOptions): MaintenanceCoordinator {
  const { environment, clock, logger, signal, step } = options;
  const { SLABMEND_ACCEPT_INDEXD_VERSION: acceptedVersion } = environment;
  const { hosts, kernel } = openProofReader(environment, clock);
  const verify = createVerifyJob({
    hosts,
    kernel,
    random: Math.random,
    verify: { acceptedVersion, clock },
    ...(step === undefined ? {} : { step }),
  });
  const coordinator = coordinatorName();
  return {
    advance: (ask, limitMs, onStep) =>
      advanceRun(
        {
          ask,
          clock,
          logger,
          jobs: [verify, createDrainJob()],
          coordinator,
          signal,
          ...(onStep === undefined ? {} : { onStep }),
        },
        limitMs,
      ),
    close: () => hosts.close(),
  };
}
