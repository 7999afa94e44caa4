import type { BudgetLimit } from "../../database/fleet/budget.ts";
import type { CircuitBreaker } from "../../database/fleet/circuit-breaker.ts";
import type { FleetMode } from "../../database/fleet/fleet-mode.ts";
import { SlabmendError } from "../../errors/slabmend-error.ts";

/** Counted while claim runs. */
export interface ClaimCount {
  leased: number;
  /** Messages that an earlier run had left unsent. */
  resent: number;
  sent: number;
  refused: number;
  /** Leases of that kind, through the queue or not, that existed at the end. */
  live: number;
  batches: number;
  rounds: number;
  /** Times that a slab's health could not be read in time, so that its entry in the backlog stayed as it was. */
  unjudged: number;
}

/** What one run of claim did. */
export interface ClaimReport extends Readonly<ClaimCount> {
  readonly breaker: CircuitBreaker["kind"];
  readonly stopped: "no-backlog" | "deadline" | "breaker-open" | Exclude<FleetMode["kind"], "running">;
  /** Limits of the budget that are reached: only slabs in danger are leased. */
  readonly budgetStops: readonly BudgetLimit[];
}

/** Thrown at the end of a run of claim whose walk failed: what the backlog had was leased all the same. */
export class ClaimIncompleteError extends SlabmendError<"claim-incomplete"> {
  readonly report: ClaimReport;

  constructor(report: ClaimReport, cause: unknown) {
    super({
      code: "claim-incomplete",
      message: "claim: the walk that keeps the backlog failed; slabs that are in the backlog were leased",
      remedy: "Read the cause; the next run walks on from where this one stood.",
      cause,
    });
    this.report = report;
  }
}
