import { SlabmendError } from "../../lib/errors/slabmend-error.ts";

export type DemoErrorCode =
  /** The options contradict each other or name what cannot be repaired. */
  | "invalid-options"
  | "no-disk-space"
  /** To move a database. */
  | "no-pg-dump"
  | "no-host-to-verify"
  /** TMPDIR names no folder, or the report cannot be written. */
  | "no-folder"
  /** What was asked for is not the demo's to do: the command line was wrong. */
  | "usage";

/** Thrown by the demo, nearly always before it has started anything. */
export class DemoError extends SlabmendError<DemoErrorCode> {}

/** @throws {DemoError} `invalid-options` if there is any problem */
export function refuseOptions(
  problems: readonly string[],
  remedy = "Change the options that are named: npm run demo -- --help lists all with their defaults.",
): void {
  if (problems.length === 0) return;
  throw new DemoError({
    code: "invalid-options",
    message: problems.join("\n"),
    remedy,
  });
}
