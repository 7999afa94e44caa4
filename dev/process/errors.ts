import { SlabmendError } from "../../lib/errors/slabmend-error.ts";

export type LocalRuntimeErrorCode =
  | "unsupported-platform"
  | "postgres-cannot-run"
  | "postgres-failed"
  | "guard-failed"
  | "queue-failed"
  | "function-failed"
  | "runtime-stopped"
  | "invalid-option";

/** Thrown by the local runtime if this machine cannot run one of its parts, or if a part ended unexpectedly. */
export class LocalRuntimeError extends SlabmendError<LocalRuntimeErrorCode> {}
