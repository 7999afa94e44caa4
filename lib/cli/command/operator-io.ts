import type { Clock } from "../../clock/clock.ts";

export interface Terminal {
  readonly isTTY?: boolean;
  /** Of a terminal. */
  readonly columns?: number;
}

/** Everything that the command line has of the world; `bin/slabmend.ts` gives the process's, tests give their own. */
export interface OperatorIo {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadableStream & Terminal;
  readonly stdout: NodeJS.WritableStream & Terminal;
  readonly stderr: NodeJS.WritableStream & Terminal;
  readonly clock: Clock;
  /** Aborts when somebody asks us to end: Ctrl+C, SIGTERM. */
  readonly signal: AbortSignal;
}
