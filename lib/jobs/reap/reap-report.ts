import type { CircuitBreaker } from "../../database/fleet/circuit-breaker.ts";
import { SlabmendError } from "../../errors/slabmend-error.ts";
import type { JournalReport } from "../journal/follow-journal.ts";

/** The result of one run of reap. */
export interface ReapReport {
  readonly freed: number;
  readonly crashed: number;
  readonly quarantined: number;
  readonly taken: number;
  readonly eventsBumped: number;
  readonly resent: number;
  readonly deadLetters: number;
  readonly forgotten: number;
  /** Undefined if the task `journal` failed. */
  readonly journal: JournalReport | undefined;
  /** Undefined if the circuit breaker could not be read. */
  readonly breaker: CircuitBreaker["kind"] | undefined;
}

export type ReapPhase =
  | "fleet"
  | "leases"
  | "events"
  | "unsent"
  | "dead-letters"
  | "history"
  | "prunes"
  | "journal";

/**
 * Thrown at the end of a run of reap in which a task failed; the other tasks were done, and the next run tries again.
 */
export class ReapIncompleteError extends SlabmendError<"reap-incomplete"> {
  readonly report: ReapReport;
  readonly failures: ReadonlyMap<ReapPhase, unknown>;

  constructor(report: ReapReport, failures: ReadonlyMap<ReapPhase, unknown>) {
    const phases = [...failures.keys()].join(", ");
    super({
      code: "reap-incomplete",
      message: `reap: ${failures.size} of its tasks failed: ${phases}`,
      remedy: "See the causes; the next run does the rest.",
      details: { phases },
      cause: failures.size === 1 ? [...failures.values()][0] : new AggregateError(failures.values()),
    });
    this.report = report;
    this.failures = failures;
  }
}
