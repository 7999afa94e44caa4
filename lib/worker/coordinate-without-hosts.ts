import { hostname } from "node:os";
import type { Clock } from "../clock/clock.ts";
import type { Ask } from "../database/client/deadline-client.ts";
import type { Run } from "../database/runs/run.ts";
import { createDrainJob } from "../jobs/drain/drain-job.ts";
import { advanceRun } from "../jobs/maintenance/advance-run.ts";
import { createVerifyEnd } from "../jobs/verify/end-verify.ts";
import type { Logger } from "../telemetry/logger.ts";

export interface WithoutHosts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly acceptedVersion: number | undefined;
  readonly onStep?: (run: Run) => void;
}

/**
 * Does the maintenance that contacts no host, and so needs no migration seed: it continues a drain, and ends any
 * cancelled run. See {@link advanceRun}.
 */
export function coordinateWithoutHosts(
  ask: Ask,
  { acceptedVersion, clock, ...rest }: WithoutHosts,
  limitMs: number,
): Promise<Run | undefined> {
  const drain = createDrainJob();
  const jobs = [drain, createVerifyEnd({ acceptedVersion, clock })];
  const coordinator = coordinatorName();
  return advanceRun({ ...rest, ask, clock, jobs, coordinator, onlyKinds: [drain.kind] }, limitMs);
}

/** Identifies this process in a run's lease. */
export const coordinatorName = (): string => `${hostname()}/${process.pid}`;
