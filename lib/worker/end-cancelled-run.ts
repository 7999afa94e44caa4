import { hostname } from "node:os";
import type { Clock } from "../clock/clock.ts";
import type { Ask } from "../database/client/deadline-client.ts";
import type { Run } from "../database/runs/run.ts";
import { advanceRun } from "../jobs/maintenance/advance-run.ts";
import { createVerifyEnd } from "../jobs/verify/end-verify.ts";
import type { Logger } from "../telemetry/logger.ts";

/** Ends a run that was cancelled: all that a process without the migration seed can do, because it reads no host. */
export function endCancelledRun(
  ask: Ask,
  options: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly signal: AbortSignal;
    readonly acceptedVersion: number | undefined;
    readonly limitMs: number;
  },
): Promise<Run | undefined> {
  const { acceptedVersion, limitMs, clock, ...rest } = options;
  const jobs = [createVerifyEnd({ acceptedVersion, clock })];
  return advanceRun(
    { ...rest, ask, clock, jobs, coordinator: coordinatorName(), onlyCancelling: true },
    limitMs,
  );
}

/** Names this process in a run's lease. */
export const coordinatorName = (): string => `${hostname()}/${process.pid}`;
