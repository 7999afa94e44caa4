import type { BudgetLimit } from "../../database/fleet/budget.ts";
import type { CircuitBreaker } from "../../database/fleet/circuit-breaker.ts";
import type { FleetMode } from "../../database/fleet/fleet-mode.ts";
import { SlabmendError } from "../../errors/slabmend-error.ts";

/** Counted during a run of claim. */
export interface ClaimCount {
  leased: number;
  /** Messages sent for leases that an earlier round or run left unsent. */
  resent: number;
  sent: number;
  refused: number;
  /** How many leases of this claim's kind (through the queue or not) there were at the end. */
  live: number;
  batches: number;
  rounds: number;
  /** How often a slab's health could not be read in time, so that its backlog entry stayed unchanged. */
  unjudged: number;
}

/** The result of one run of claim. */
export interface ClaimReport extends Readonly<ClaimCount> {
  readonly breaker: CircuitBreaker["kind"];
  readonly stopped: "no-backlog" | "deadline" | "breaker-open" | Exclude<FleetMode["kind"], "running">;
  /** The budget limits that are reached. If there are any, only slabs in danger are leased. */
  readonly budgetStops: readonly BudgetLimit[];
}

/** Thrown at the end of a run of claim whose walk failed; slabs already in the backlog were leased nevertheless. */
export class ClaimIncompleteError extends SlabmendError<"claim-incomplete"> {
  readonly report: ClaimReport;

  constructor(report: ClaimReport, cause: unknown) {
    super({
      code: "claim-incomplete",
      message: "claim: updating the backlog failed; slabs already in the backlog were leased",
      remedy: "See the cause; the next run continues where this one stopped.",
      cause,
    });
    this.report = report;
  }
}
