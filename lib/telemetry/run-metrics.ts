import { StoreError } from "../database/client/store-error.ts";
import { IndexdError, type IndexdErrorCode } from "../database/indexd/errors.ts";
import type { MetricValues } from "./metric-names.ts";

/** Somebody has to do something about them; an upgrade in progress ends by itself, and claim-not-running tells when not. */
const REFUSALS: ReadonlySet<string> = new Set<IndexdErrorCode>([
  "indexd-too-old",
  "indexd-needs-consent",
  "indexd-changed",
]);

/** Of a run of claim or reap that ended with an error. */
export function failedRun(error: unknown): MetricValues {
  return {
    RunsFailed: 1,
    UnknownIndexdVersion: Number(isUnknownVersion(error)),
    ...(error instanceof StoreError && error.code === "lacks-right"
      ? { MissingRights: Number(error.details["missing"]) }
      : {}),
  };
}

/** Of a message whose repair never began. The zeros count it among the repairs that did not end. */
export function failedMessage(error: unknown): MetricValues {
  return {
    MessagesFailed: 1,
    UnknownIndexdVersion: Number(isUnknownVersion(error)),
  };
}

function isUnknownVersion(error: unknown): boolean {
  return error instanceof IndexdError && REFUSALS.has(error.code);
}

/** The zero is what ends an alarm about an unknown version. */
export const COMPLETED_RUN: MetricValues = { RunsCompleted: 1, RunsFailed: 0, UnknownIndexdVersion: 0 };
