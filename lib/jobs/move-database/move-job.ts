/**
 * Moves the database as a maintenance run, in the steps of move-run.ts. Only the commands of `slabmend move-database`
 * continue the run, because only they have the URLs of both databases.
 */

import { randomUUID } from "node:crypto";
import { emptyTarget } from "../../database/move/load-schema.ts";
import { MoveError } from "../../database/move/move-error.ts";
import { withdrawOpening } from "../../database/move/open-target.ts";
import { dropPublication } from "../../database/move/publication.ts";
import { readMoveServer } from "../../database/move/read-move-server.ts";
import { dropSubscription } from "../../database/move/subscription.ts";
import { RunError } from "../../database/runs/run-error.ts";
import type { MaintenanceJob, RunContext, Step } from "../maintenance/maintenance-job.ts";
import { asHolder } from "./as-holder.ts";
import { IDEMPOTENT, type MoveDependencies } from "./move-dependencies.ts";
import {
  isSwitching,
  MOVE_KIND,
  type MovePlace,
  moveCheckpointOf,
  moveScopeOf,
  moveStatisticsOf,
  stepToContinue,
} from "./move-run.ts";
import { advanceStart } from "./start-move.ts";
import { advanceSwitch, alreadyOpened, hasOpened, type SwitchDependencies, takeBack } from "./switch-move.ts";

/** The step up to which a command continues the move. `abort` has no goal: it cancels the run. */
export type MoveGoal = "ready" | "opened" | "finished";

export interface MoveJob extends MaintenanceJob {
  /**
   * Why the switch was taken back or the move was ended; undefined: neither happened. `advance` does not throw this
   * error; the run records it too.
   */
  readonly failure: () => MoveError | undefined;
}

/** The result of `advance` when this command has nothing more to do. */
const REACHED: Step = { waitMs: Number.POSITIVE_INFINITY };

export function createMoveJob(given: MoveDependencies, goal: MoveGoal): MoveJob {
  const deps: SwitchDependencies = { ...given, openingKey: randomUUID() };
  let failure: MoveError | undefined;
  let hasBegun = false;

  /**
   * On the first call in this process: checks that both URLs name the move's databases, and finds the step at which an
   * interrupted switch continues.
   */
  const begin = async ({ run }: RunContext): Promise<Step | undefined> => {
    await assertPlaces(deps, run);
    const checkpoint = moveCheckpointOf(run);
    if (!isSwitching(checkpoint.step)) return undefined;
    const opened = await hasOpened(deps, run, withdrawOpening);
    return { checkpoint: { ...checkpoint, step: stepToContinue(checkpoint.step, opened) } };
  };

  return {
    kind: MOVE_KIND,
    failure: () => failure,
    async advance(called) {
      const context = { ...called, signal: deps.interrupt };
      if (!hasBegun) {
        const continued = await begin(context);
        hasBegun = true;
        if (continued !== undefined) return continued;
      }
      const { step } = moveCheckpointOf(context.run);
      if (step === "opened") return goal === "finished" ? await finish(deps, context) : REACHED;
      if (isSwitching(step) || (step === "ready" && goal === "opened")) {
        if (goal !== "opened") throw inMidSwitch();
        return await interruptible(deps, context).catch(async (error: unknown) => {
          if (isLeaseLost(error)) throw error;
          failure = asMoveError(error, deps.interrupt);
          const isBroken = failure.code === "schema-changed";
          const back = await takeBack(deps, context).catch((cause: unknown) => {
            throw cause instanceof MoveError || isLeaseLost(cause) ? cause : notTakenBack(cause);
          });
          return isBroken
            ? await end(deps, context, failure)
            : { ...back, ...withFailure(context, failure), ...REACHED };
        });
      }
      if (step === "ready") return REACHED;
      return await advanceStart(deps, context).catch(async (error: unknown) => {
        if (!(error instanceof MoveError) || error.code !== "schema-changed") throw error;
        failure = error;
        return await end(deps, context, error);
      });
    },
    async settle(context) {
      await assertPlaces(deps, context.run);
      if (await hasOpened(deps, context.run, withdrawOpening)) throw alreadyOpened();
      if (isSwitching(moveCheckpointOf(context.run).step)) await takeBack(deps, context);
      await removeEverything(deps, context);
      return true;
    },
  };
}

/** At the step `opening` an interruption is ignored, because the target may already be open. */
async function interruptible(deps: SwitchDependencies, context: RunContext): Promise<Step> {
  if (moveCheckpointOf(context.run).step !== "opening") deps.interrupt.throwIfAborted();
  return await advanceSwitch(deps, context);
}

/** Ends the run as failed, leaving nothing on either server except the run's row. */
async function end(deps: MoveDependencies, context: RunContext, error: MoveError): Promise<Step> {
  await removeEverything(deps, context);
  const { code, message, remedy } = error;
  return { end: { state: "failed", error: { code, message, remedy } } };
}

async function removeEverything(deps: MoveDependencies, context: RunContext): Promise<void> {
  const { run } = context;
  const { target, createdRoles } = moveScopeOf(run);
  if (deps.isTargetLost !== true) await deps.target(dropSubscription, IDEMPOTENT);
  await deps.step?.("subscription dropped");
  await deps.source((sql) => dropPublication(sql, publicationOf(run)), IDEMPOTENT);
  await deps.step?.("publication dropped");
  if (deps.isTargetLost === true) return;
  // If we were paused, another process may have ended this move and begun the next one with the same target, which must
  // not be emptied then: check that the run's lease is still ours.
  await asHolder(deps, context, () => Promise.resolve());
  await deps.target((sql) => emptyTarget(sql, { database: target.name, created: createdRoles }), IDEMPOTENT);
  await deps.step?.("target emptied");
}

async function finish(deps: MoveDependencies, { run }: RunContext): Promise<Step> {
  await deps.target(dropSubscription, IDEMPOTENT);
  await deps.step?.("subscription dropped");
  await deps.source((sql) => dropPublication(sql, publicationOf(run)), IDEMPOTENT);
  await deps.step?.("publication dropped");
  return { end: { state: "done" } };
}

function publicationOf(run: RunContext["run"]) {
  const { source, target } = moveScopeOf(run);
  return { database: source.name, target: target.system };
}

/**
 * @throws {MoveError} `wrong-database` if a URL names another database than at the start of the move: an abort would
 * empty that database
 */
async function assertPlaces(deps: MoveDependencies, run: RunContext["run"]): Promise<void> {
  const scope = moveScopeOf(run);
  for (const side of ["source", "target"] as const) {
    if (side === "target" && deps.isTargetLost === true) continue;
    const found = placeOf(await deps[side](readMoveServer, IDEMPOTENT));
    const expected = scope[side];
    if (found.system === expected.system && found.oid === expected.oid) continue;
    throw new MoveError({
      code: "wrong-database",
      message: `${side}: expected database ${expected.name} as at the start of the move, got another database, ${found.name}, on this or another server`,
      remedy:
        "Set SLABMEND_DATABASE_URL and SLABMEND_TARGET_DATABASE_URL to their values at the start of the move.",
    });
  }
}

export const placeOf = (server: {
  readonly systemIdentifier: string;
  readonly databaseOid: string;
  readonly database: string;
}): MovePlace => ({ system: server.systemIdentifier, oid: server.databaseOid, name: server.database });

const withFailure = ({ run }: RunContext, { code, message }: MoveError): Step => ({
  statistics: { ...moveStatisticsOf(run), switchFailure: { code, message } },
});

function inMidSwitch(): MoveError {
  return new MoveError({
    code: "move-state",
    message:
      "the move: expected no unfinished switch, but a switch was interrupted, and the source may be closed",
    remedy: "Continue the switch: slabmend move-database switch. Or go back: slabmend move-database abort.",
  });
}

/**
 * The error of a switch that could not be taken back, because a server is unavailable. The next command finds out how
 * far the switch got.
 */
function notTakenBack(cause: unknown): MoveError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "an unknown error";
  return new MoveError({
    code: "not-taken-back",
    message: `the switch: expected to take it back, got ${code}: the source may be closed, and the fleet stopped`,
    remedy:
      "Bring both servers back. Then run slabmend move-database switch to continue, or abort to go back; status shows the current step.",
    cause,
  });
}

const isLeaseLost = (error: unknown): boolean => error instanceof RunError && error.code === "run-lease-lost";

/**
 * Turns any error into a MoveError without the messages of servers or the network, which may contain things that must
 * not appear in a report.
 */
function asMoveError(error: unknown, signal: AbortSignal): MoveError {
  if (error instanceof MoveError) return error;
  if (signal.aborted) {
    return new MoveError({
      code: "interrupted",
      message: "the switch: expected to reach its end, but it was interrupted",
      remedy: "The source is open again as before. Switch again.",
      cause: error,
    });
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : "an unknown error";
  return new MoveError({
    code: "replication-broken",
    message: `the switch: expected both servers to answer, got ${code}`,
    remedy: "The source is open again as before. Check both servers, then switch again.",
    cause: error,
  });
}
