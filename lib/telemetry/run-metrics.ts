import { IndexdError } from "../database/indexd/errors.ts";
import type { MetricValues } from "./metric-names.ts";

/** Of a run of claim or reap that ended with an error. */
export function failedRun(error: unknown): MetricValues {
  return { RunsFailed: 1, UnknownIndexdVersion: Number(isUnknownVersion(error)) };
}

/** Of a message whose repair never began. The zeros count it among the repairs that did not end. */
export function failedMessage(error: unknown): MetricValues {
  return {
    MessagesFailed: 1,
    UnknownIndexdVersion: Number(isUnknownVersion(error)),
  };
}

function isUnknownVersion(error: unknown): boolean {
  return error instanceof IndexdError && error.code === "unknown-database-version";
}

/** The zero is what ends an alarm about an unknown version. */
export const COMPLETED_RUN: MetricValues = { RunsCompleted: 1, RunsFailed: 0, UnknownIndexdVersion: 0 };
