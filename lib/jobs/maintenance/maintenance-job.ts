import type { Clock } from "../../clock/clock.ts";
import type { Ask } from "../../database/client/deadline-client.ts";
import type { Run, RunProgress } from "../../database/runs/run.ts";

/** What a job is given for one call. */
export interface RunContext {
  readonly run: Run;
  /** Identifies the run's lease: every statement that writes for the run checks it with `slabmend.hold_run`. */
  readonly token: string;
  readonly ask: Ask;
  readonly clock: Clock;
  /** The time, as `clock` tells it, at which the call must return. */
  readonly endsAtMs: number;
  /** Aborted when the process ends; work in progress may then be dropped. */
  readonly signal: AbortSignal;
}

export interface Step extends RunProgress {
  /** How long to wait until there is something to do; 0: continue immediately. */
  readonly waitMs?: number;
}

export interface Estimate {
  /** Readable text, line by line. */
  readonly lines: readonly string[];
  /** The same values for programs. */
  readonly values: Readonly<Record<string, number | string | null>>;
}

/** The part of a kind of maintenance that any process can use: it needs the database, but no hosts. */
export interface RunKind {
  readonly kind: string;
  /** True: runs of this kind read from hosts, which requires the migration seed. */
  readonly readsHosts: boolean;
  /** The expected cost of a run: time, traffic, hastings. Changes nothing. */
  estimate(ask: Ask, scope: unknown): Promise<Estimate>;
  /** For progress bars; null if unknown. */
  progress(run: Run): { readonly done: number; readonly total: number; readonly unit: string } | null;
  /** The results, one line each. */
  describe(run: Run): readonly string[];
  /** Whether the run found something that requires an operator's attention. */
  hasFindings(run: Run): boolean;
}

/**
 * One kind of maintenance. Each call of `advance` does a part of the run that takes seconds, in any number of its own
 * transactions, and returns a new checkpoint. After a crash the work since the last checkpoint is repeated, so every
 * effect must be idempotent or guarded by the run's token.
 */
export interface MaintenanceJob {
  readonly kind: string;
  advance(context: RunContext): Promise<Step>;
  /**
   * Called after a cancel, again and again until it returns true: then no work of the run is in progress any more.
   * Undoes what only an unfinished run needs, for example claims of sectors.
   */
  settle(context: RunContext): Promise<boolean>;
}
