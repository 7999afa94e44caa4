import type { Clock } from "../clock/clock.ts";
import type { Environment } from "../config/parse-environment.ts";
import type { Ask } from "../database/client/deadline-client.ts";
import type { DueBatch } from "../database/verify/due-checks.ts";
import { DueChecker, type DueStep, makeDueChecks } from "../jobs/verify/due-checks.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { MetricValues } from "../telemetry/metric-names.ts";
import { openProofReader } from "./open-proof-reader.ts";

export interface DueChecksOptions {
  readonly environment: Pick<
    Environment,
    "SLABMEND_MIGRATION_SEED" | "SLABMEND_ALLOW_PRIVATE_ADDRESSES" | "SLABMEND_ACCEPT_INDEXD_VERSION"
  >;
  readonly ask: Ask;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Cancels work in progress. */
  readonly signal: AbortSignal;
  readonly onMetrics: (values: MetricValues) => void;
  readonly random?: () => number;
  /** For kill tests. */
  readonly step?: (name: DueStep) => void | Promise<void>;
}

/** Due checks as a job that runs beside others, or on receipt of a message. */
export interface DueChecks {
  /** Claims and executes checks: see {@link makeDueChecks}. */
  make(limitMs: number): Promise<number>;
  /** Executes the checks of a batch that another process has claimed. Returns the number of sectors requested. */
  check(batch: DueBatch): Promise<number>;
  /** To be called when a process may have been frozen, before it uses its connections again. */
  checkReused(): Promise<void>;
  /** To be called before a Lambda function returns. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

export function openDueChecks(options: DueChecksOptions): DueChecks {
  const { environment, ask, clock, logger, signal, onMetrics, random = Math.random, step } = options;
  const { hosts, kernel } = openProofReader(environment, clock);
  const verify = { acceptedVersion: environment.SLABMEND_ACCEPT_INDEXD_VERSION, clock };
  const deps = {
    ask,
    clock,
    hosts,
    kernel,
    random,
    logger,
    verify,
    signal,
    onMetrics,
    ...(step === undefined ? {} : { step }),
  };
  const checker = new DueChecker(deps);
  return {
    make: (limitMs) => makeDueChecks(checker, deps, limitMs),
    check: (batch) => checker.check(batch),
    checkReused: () => hosts.checkReused(),
    idle: () => hosts.idle(),
    close: () => hosts.close(),
  };
}
