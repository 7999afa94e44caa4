import { SlabmendError } from "../errors/slabmend-error.ts";

/** What keeps a part of a worker from working, for people and programs. */
export interface Trouble {
  /** Stable. */
  readonly code: string;
  readonly message: string;
  readonly remedy: string | null;
  readonly sinceMs: number;
}

/** Of an error that is no SlabmendError only its code and message are taken: the rest may hold a statement or a URL. */
export function troubleOf(error: unknown, sinceMs: number): Trouble {
  if (error instanceof SlabmendError) {
    return { code: error.code, message: error.message, remedy: error.remedy, sinceMs };
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : "unexpected";
  const message = error instanceof Error ? error.message : typeof error;
  return { code, message, remedy: null, sinceMs };
}
