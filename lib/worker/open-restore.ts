import type { ArchiveStorage } from "../archive/archive-storage.ts";
import type { Clock } from "../clock/clock.ts";
import type { Environment } from "../config/parse-environment.ts";
import { advanceRun } from "../jobs/maintenance/advance-run.ts";
import { createRestoreJob } from "../jobs/restore/restore-job.ts";
import type { Logger } from "../telemetry/logger.ts";
import { coordinatorName } from "./coordinate-without-hosts.ts";
import type { MAINTENANCE_VARIABLES, MaintenanceCoordinator } from "./open-maintenance.ts";
import { openProofReader } from "./open-proof-reader.ts";

/** Opens the coordinator of a restore, which an operator's command runs with the privileges of the database's owner. */
export function openRestore(options: {
  readonly environment: Pick<Environment, (typeof MAINTENANCE_VARIABLES)[number]>;
  readonly archive: ArchiveStorage | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** For kill tests. */
  readonly step?: (name: string) => void | Promise<void>;
}): MaintenanceCoordinator {
  const { environment, archive, clock, logger, signal, step } = options;
  const { hosts, kernel } = openProofReader(environment, clock);
  const job = createRestoreJob({
    hosts,
    kernel,
    random: Math.random,
    verify: { acceptedVersion: environment.SLABMEND_ACCEPT_INDEXD_VERSION, clock },
    archive,
    ...(step === undefined ? {} : { step }),
  });
  return {
    advance: (ask, limitMs, onStep) =>
      advanceRun(
        {
          ask,
          clock,
          logger,
          jobs: [job],
          kind: job.kind,
          coordinator: coordinatorName(),
          signal,
          ...(onStep === undefined ? {} : { onStep }),
        },
        limitMs,
      ),
    close: () => hosts.close(),
  };
}
