import { IndexdError } from "../indexd/errors.ts";
import type { MetricValues } from "./metric-names.ts";

/** Of a run of claim or reap that ended with an error, or a repair's message that never began. */
export function failedRun(error: unknown): MetricValues {
  return { RunsFailed: 1, UnknownIndexdVersion: Number(isUnknownVersion(error)) };
}

export function isUnknownVersion(error: unknown): boolean {
  return error instanceof IndexdError && error.code === "unknown-database-version";
}

/** The zero is what ends an alarm about an unknown version. */
export const COMPLETED_RUN: MetricValues = { RunsCompleted: 1, RunsFailed: 0, UnknownIndexdVersion: 0 };
