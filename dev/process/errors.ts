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

/** Thrown by the local runtime when this machine cannot run a part of it, or a part ended unexpectedly. */
export class LocalRuntimeError extends SlabmendError<LocalRuntimeErrorCode> {}
