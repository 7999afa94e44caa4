import type { Clock } from "../../clock/clock.ts";

export interface Terminal {
  readonly isTTY?: boolean;
  /** Set for a terminal only. */
  readonly columns?: number;
}

/**
 * The command line's only access to the outside; `bin/slabmend.ts` passes the process's streams, tests pass their own.
 */
export interface OperatorIo {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadableStream & Terminal;
  readonly stdout: NodeJS.WritableStream & Terminal;
  readonly stderr: NodeJS.WritableStream & Terminal;
  readonly clock: Clock;
  /** Aborts on Ctrl+C and SIGTERM. */
  readonly signal: AbortSignal;
}
