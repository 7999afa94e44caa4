import type { ArchiveStorage } from "../archive/archive-storage.ts";
import type { Clock } from "../clock/clock.ts";
import type { Environment } from "../config/parse-environment.ts";
import { createHostDialer } from "../hosts/dial-host.ts";
import { createHostPool } from "../hosts/host-pool.ts";
import { advanceRun } from "../jobs/maintenance/advance-run.ts";
import { createRestoreJob } from "../jobs/restore/restore-job.ts";
import { createKernel } from "../kernel/kernel.ts";
import { accountKeyFromSeed } from "../keys/account-key.ts";
import type { Logger } from "../telemetry/logger.ts";
import { coordinatorName } from "./coordinate-without-hosts.ts";
import type { MAINTENANCE_VARIABLES, MaintenanceCoordinator } from "./open-maintenance.ts";

/** Leaf proofs and nothing else. */
const KERNEL_BYTES = 16 * 1_048_576;
/** Proofs are small, and a round trip takes longer than the rest. */
const CALLS_PER_HOST = 64;

/** The coordinator of a restore: the command of an operator, with the owner's rights. */
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
  const hosts = createHostPool({
    clock,
    account: accountKeyFromSeed(environment.SLABMEND_MIGRATION_SEED.reveal()),
    dialer: createHostDialer({ clock, allowPrivateAddresses: environment.SLABMEND_ALLOW_PRIVATE_ADDRESSES }),
    config: { maxRpcsPerHost: CALLS_PER_HOST },
  });
  const job = createRestoreJob({
    hosts,
    kernel: createKernel({ memoryBytes: KERNEL_BYTES }),
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
