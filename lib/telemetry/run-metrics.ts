import { StoreError } from "../database/client/store-error.ts";
import { IndexdError, type IndexdErrorCode } from "../database/indexd/errors.ts";
import type { MetricValues } from "./metric-names.ts";

/**
 * Errors that an operator must resolve. An upgrade of indexd in progress is not among them: usually it ends by itself,
 * and if it does not, the alarm claim-not-running fires.
 */
const REFUSALS: ReadonlySet<string> = new Set<IndexdErrorCode>([
  "indexd-too-old",
  "indexd-needs-consent",
  "indexd-changed",
]);

/** Metrics of a run of claim or reap that ended with an error. */
export function failedRun(error: unknown): MetricValues {
  return {
    RunsFailed: 1,
    UnknownIndexdVersion: Number(isUnknownVersion(error)),
    ...(error instanceof StoreError && error.code === "lacks-right"
      ? { MissingRights: Number(error.details["missing"]) }
      : {}),
  };
}

/** Metrics of a message whose repair could not begin. */
export function failedMessage(error: unknown): MetricValues {
  return {
    MessagesFailed: 1,
    UnknownIndexdVersion: Number(isUnknownVersion(error)),
  };
}

function isUnknownVersion(error: unknown): boolean {
  return error instanceof IndexdError && REFUSALS.has(error.code);
}

/**
 * Metrics of a run of claim or reap that completed. `UnknownIndexdVersion: 0` ends an alarm about an unknown version.
 */
export const COMPLETED_RUN: MetricValues = { RunsCompleted: 1, RunsFailed: 0, UnknownIndexdVersion: 0 };
