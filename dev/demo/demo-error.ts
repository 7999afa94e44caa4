import { SlabmendError } from "../../lib/errors/slabmend-error.ts";

export type DemoErrorCode =
  /** The options contradict each other or ask for unrepairable damage. */
  | "invalid-options"
  | "no-disk-space"
  | "no-host-to-verify"
  /** Needed to move a database. */
  | "no-pg-dump"
  /** TMPDIR is not a folder, or the report cannot be written. */
  | "no-folder"
  /** The command line was wrong. */
  | "usage";

/** Thrown by the demo, usually before it has started anything. */
export class DemoError extends SlabmendError<DemoErrorCode> {}

/** @throws {DemoError} `invalid-options` if there is any problem */
export function refuseOptions(
  problems: readonly string[],
  remedy = "Change the options named in the message; npm run demo -- --help lists all with their defaults.",
): void {
  if (problems.length === 0) return;
  throw new DemoError({
    code: "invalid-options",
    message: problems.join("\n"),
    remedy,
  });
}
