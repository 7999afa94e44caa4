import { SlabmendError } from "../../errors/slabmend-error.ts";

export type DemoErrorCode =
  /** The options contradict each other or name what cannot be repaired. */
  | "invalid-options"
  | "no-disk-space"
  /** What was asked for is not the demo's to do: the command line was wrong. */
  | "usage";

/** Thrown by the demo before it has started anything. */
export class DemoError extends SlabmendError<DemoErrorCode> {}
