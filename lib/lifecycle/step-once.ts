import type { Clock } from "../clock/clock.ts";
import type { Ask } from "../database/client/deadline-client.ts";
import type { Logger } from "../telemetry/logger.ts";
import { ControlLoop, type LoopView } from "./control-loop.ts";
import { createEnsures } from "./ensures.ts";
import { createLifecycleStore } from "./lifecycle-store.ts";

export interface StepOnceOptions {
  readonly indexer: string;
  readonly acceptedVersion: number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The most steps of one run, in case each step leads to another state. Usually the loop ends earlier, in a state that
 * has to wait.
 */
const MOST_STEPS = 6;

/**
 * Runs an indexer's control loop until the loop would have to wait: for reap, whose process may end after one run. This
 * loop only checks conditions, and never creates or removes anything. Never throws: the next run continues.
 */
export async function stepOnce(
  ask: Ask,
  { indexer, acceptedVersion, clock, logger }: StepOnceOptions,
): Promise<LoopView> {
  const loop = new ControlLoop({
    now: () => clock.now(),
    store: createLifecycleStore(ask, "reap"),
    ensures: createEnsures({ ask, indexer, acceptedVersion, clock, makes: false }),
  });
  let view = loop.view;
  for (let steps = 0; steps < MOST_STEPS; steps += 1) {
    const before = view.state;
    view = await loop.step();
    const { state, trouble, isMoving } = view;
    if (trouble !== null)
      logger.warn({ state, code: trouble.code, reason: trouble.message }, "the indexer's step failed");
    else if (state !== before) logger.debug({ state }, `the indexer is ${state}`);
    if (!isMoving) break;
  }
  await loop.leave();
  return view;
}
