import { SlabmendError } from "../errors/slabmend-error.ts";

/** Describes, for people and programs, the problem that keeps a part of a worker from working. */
export interface Trouble {
  /** A stable code. */
  readonly code: string;
  readonly message: string;
  readonly remedy: string | null;
  readonly sinceMs: number;
}

/**
 * If the error is not a SlabmendError, only its code and message are used: other fields may contain a statement or a
 * URL.
 */
export function troubleOf(error: unknown, sinceMs: number): Trouble {
  if (error instanceof SlabmendError) {
    return { code: error.code, message: error.message, remedy: error.remedy, sinceMs };
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : "unexpected";
  const message = error instanceof Error ? error.message : typeof error;
  return { code, message, remedy: null, sinceMs };
}
