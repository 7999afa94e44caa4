import { expect, test } from "vitest";
import {
  type DesiredState,
  LIFECYCLE_STATES,
  type LifecycleState,
  nextState,
  retryAfterMs,
  type StepOutcome,
} from "../../lib/lifecycle/state-machine.ts";

const DESIRED: readonly DesiredState[] = ["running", "stopped", "deleted"];
const OUTCOMES: readonly StepOutcome[] = ["done", "under-way", "failed"];

/** Every transition: from, wanted state, result of the step, to. All other combinations keep the state. */
const MOVES: readonly (readonly [
  LifecycleState,
  readonly DesiredState[],
  readonly StepOutcome[],
  LifecycleState,
])[] = [
  ["initializing", DESIRED, ["done"], "running"],
  ["initializing", DESIRED, ["failed"], "repairing"],
  ["running", ["running"], ["failed"], "repairing"],
  ["running", ["stopped"], OUTCOMES, "stopping"],
  ["running", ["deleted"], OUTCOMES, "deleting"],
  ["stopping", ["running", "stopped"], ["done"], "stopped"],
  ["stopping", ["deleted"], OUTCOMES, "deleting"],
  ["stopped", ["running"], OUTCOMES, "running"],
  ["stopped", ["deleted"], OUTCOMES, "deleting"],
  ["repairing", ["running", "stopped"], ["done"], "running"],
  ["repairing", ["deleted"], OUTCOMES, "deleting"],
  ["deleting", DESIRED, ["done"], "deleted"],
];

test("each state has only the transitions of the table", () => {
  for (const state of LIFECYCLE_STATES) {
    for (const desired of DESIRED) {
      for (const outcome of OUTCOMES) {
        const move = MOVES.find(
          ([from, wanted, ended]) => from === state && wanted.includes(desired) && ended.includes(outcome),
        );
        expect([state, desired, outcome, nextState(state, desired, outcome)]).toEqual([
          state,
          desired,
          outcome,
          move?.[3] ?? state,
        ]);
      }
    }
  }
});

test("a failed step is retried after a delay that doubles from 2 s to a minute", () => {
  expect([1, 2, 3, 5, 6, 100].map(retryAfterMs)).toEqual([2_000, 4_000, 8_000, 32_000, 60_000, 60_000]);
});
