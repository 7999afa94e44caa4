import type { Clock } from "../../clock/clock.ts";
import type { Ask } from "../../database/client/deadline-client.ts";
import type { Run, RunProgress } from "../../database/runs/run.ts";

/** What a job works with during one call. */
export interface RunContext {
  readonly run: Run;
  /** Names the lease in every statement that writes for the run: `slabmend.hold_run`. */
  readonly token: string;
  readonly ask: Ask;
  readonly clock: Clock;
  /** When the call has to return, by the clock. */
  readonly endsAtMs: number;
  /** Aborted when the process ends; what is under way may be given up. */
  readonly signal: AbortSignal;
}

export interface Step extends RunProgress {
  /** How long there is nothing to do; 0: go on at once. */
  readonly waitMs?: number;
}

export interface Estimate {
  /** One line each, for people. */
  readonly lines: readonly string[];
  /** The same for programs. */
  readonly values: Readonly<Record<string, number | string | null>>;
}

/** What any process can say of the runs of a kind: it needs the database and no host. */
export interface RunKind {
  readonly kind: string;
  /** It takes the migration seed to move a run on. */
  readonly readsHosts: boolean;
  /** Changes nothing. What a run would cost: time, traffic, hastings. */
  estimate(ask: Ask, scope: unknown): Promise<Estimate>;
  /** For progress bars; null where nobody knows. */
  progress(run: Run): { readonly done: number; readonly total: number; readonly unit: string } | null;
  /** What came of it, one line each. */
  describe(run: Run): readonly string[];
  /** Something that an operator has to look at. */
  hasFindings(run: Run): boolean;
}

/**
 * One kind of maintenance. Each call of `advance` does a part that takes seconds, in any number of transactions of its own, and returns
 * what is stable then; what a crash cuts off is done again from the last checkpoint, so every effect must be idempotent or held
 * by the run's token.
 */
export interface MaintenanceJob {
  readonly kind: string;
  advance(context: RunContext): Promise<Step>;
  /** After a cancel: undoes what only an unfinished run needs. True: nothing of the run is in flight any more. */
  settle(context: RunContext): Promise<boolean>;
}
