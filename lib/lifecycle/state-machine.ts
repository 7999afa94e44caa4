/**
 * The states of one indexer and their transitions. Pure.
 *
 *   initializing ─done─▶ running ◀─resumed─ stopped
 *        │               │  ▲  │               ▲
 *      failed       failed done └─suspended─▶ stopping ─no lease is left─┘
 *        │               ▼  │
 *        └────────────▶ repairing ◀─┐
 *                          └─failed─┘
 *   running, stopping, stopped, repairing ─to be deleted─▶ deleting ─removed─▶ deleted
 *
 * What always holds: a step leads to a neighbouring state, or the state stays the same. An indexer that is suspended
 * while it is repairing first recovers, and then stops. `deleted` is final; `init --again` creates a new indexer.
 */

/** All states of an indexer, roughly in the order in which it passes through them. */
export const LIFECYCLE_STATES = [
  "initializing",
  "running",
  "stopping",
  "stopped",
  "repairing",
  "deleting",
  "deleted",
] as const;

export type LifecycleState = (typeof LIFECYCLE_STATES)[number];

/** The state that an operator requested: the fleet's mode, in terms of these states. */
export type DesiredState = "running" | "stopped" | "deleted";

/**
 * Result of a state's idempotent step. `done`: the state's conditions hold now; `under-way`: the step needs more time.
 */
export type StepOutcome = "done" | "under-way" | "failed";

const MAY_BE_DELETED: ReadonlySet<LifecycleState> = new Set(["running", "stopping", "stopped", "repairing"]);

export function nextState(
  state: LifecycleState,
  desired: DesiredState,
  outcome: StepOutcome,
): LifecycleState {
  if (desired === "deleted" && MAY_BE_DELETED.has(state)) return "deleting";
  switch (state) {
    case "initializing":
      if (outcome === "failed") return "repairing";
      return outcome === "done" ? "running" : state;
    case "running":
      if (desired === "stopped") return "stopping";
      return outcome === "failed" ? "repairing" : state;
    case "stopping":
      return outcome === "done" ? "stopped" : state;
    case "stopped":
      return desired === "running" ? "running" : state;
    case "repairing":
      return outcome === "done" ? "running" : state;
    case "deleting":
      return outcome === "done" ? "deleted" : state;
    case "deleted":
      return state;
  }
}

/**
 * Whether claim, reap and workers run in this state. They run in `stopping` too, because reap must free the leases of
 * crashed workers; the fleet's mode then keeps claim from leasing. Undefined: claim, reap and workers stay as they are.
 * In `repairing` they themselves wait for the database or a privilege; in `deleting` the step ends them.
 */
export function runsUnits(state: LifecycleState): boolean | undefined {
  if (state === "repairing" || state === "deleting") return undefined;
  return state === "running" || state === "stopping";
}

const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 60_000;

/** The pause before the next step, after this many consecutive failures. */
export function retryAfterMs(failures: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10), LONGEST_RETRY_MS);
}
