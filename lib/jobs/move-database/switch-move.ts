/**
 * The switch: ends leasing, then opens the target. Until `openTarget` has committed, `takeBack` restores the source to
 * its state before the switch.
 */

import { sleep } from "../../clock/sleep.ts";
import { readFleetMode, resumeLeasing, stopLeasing } from "../../database/fleet/fleet-mode.ts";
import { countRunningLeases } from "../../database/leases/count-leases.ts";
import { MoveError } from "../../database/move/move-error.ts";
import { readMoveRoles } from "../../database/move/move-roles.ts";
import { allowOpening, isOpened, openTarget, withdrawOpening } from "../../database/move/open-target.ts";
import { hasPassed, markEnd } from "../../database/move/publication.ts";
import { readMoveServer } from "../../database/move/read-move-server.ts";
import { closeSource, dropProbe, readSourceAccess, reopenSource } from "../../database/move/source-access.ts";
import {
  disableSubscription,
  enableSubscription,
  readSubscription,
} from "../../database/move/subscription.ts";
import type { Run } from "../../database/runs/run.ts";
import type { RunContext, Step } from "../maintenance/maintenance-job.ts";
import { asHolder } from "./as-holder.ts";
import { assertClosed } from "./assert-closed.ts";
import { assertRolesThere } from "./assert-roles-there.ts";
import { compareDatabases } from "./compare-databases.ts";
import { IDEMPOTENT, type MoveDependencies } from "./move-dependencies.ts";
import { type MoveCheckpoint, moveCheckpointOf, moveScopeOf, moveStatisticsOf } from "./move-run.ts";
import { assertReplicating, assertUnchanged } from "./start-move.ts";

const POLL_MS = 200;
/**
 * A switch begins only if the target is at most this far behind: otherwise the time without claims would be longer than
 * necessary.
 */
const MOST_LAG_BYTES = 64 * 1_048_576;
/** Every repair ends within this time, because a function runs for at most 15 min. */
const DRAIN_MS = 900_000;
const CATCH_UP_MS = 300_000;
const WORKERS_END_MS = 60_000;

export interface SwitchDependencies extends MoveDependencies {
  /** A random UUID that only this process knows: see {@link allowOpening}. */
  readonly openingKey: string;
}

const ownerOf = (run: Run): string => `maintenance run ${run.id}`;

/** @throws {MoveError} the reason why the switch is taken back */
export async function advanceSwitch(deps: SwitchDependencies, context: RunContext): Promise<Step> {
  const checkpoint = moveCheckpointOf(context.run);
  switch (checkpoint.step) {
    case "ready":
      return await prepare(deps, context, checkpoint);
    case "stopping":
      return await stopFleet(deps, context, checkpoint);
    case "draining":
      return await drain(deps, context, checkpoint);
    case "closing":
      return await close(deps, context, checkpoint);
    case "closed":
      return await catchUp(deps, context, checkpoint);
    case "caught-up":
      return await compare(deps, context, checkpoint);
    case "compared":
      return await detach(deps, context, checkpoint);
    default:
      return await open(deps, context, checkpoint);
  }
}

async function prepare(
  deps: MoveDependencies,
  { run, clock }: RunContext,
  checkpoint: MoveCheckpoint,
): Promise<Step> {
  await assertUnchanged(deps, checkpoint);
  await assertRolesThere(deps);
  // The subscription is off if the target was unavailable when an earlier switch was taken back.
  await deps.target((sql) => enableSubscription(sql, run.id), IDEMPOTENT);
  const { slot } = await assertReplicating(deps);
  if (slot.lagBytes > MOST_LAG_BYTES) {
    throw new MoveError({
      code: "behind",
      message: `the target: expected to be at most ${MOST_LAG_BYTES} bytes behind the source, got ${slot.lagBytes}`,
      remedy:
        "Nothing was stopped. Switch when the target has caught up; slabmend move-database status shows its progress.",
      details: { lagBytes: slot.lagBytes },
    });
  }
  const { switchFailure: _earlier, ...statistics } = moveStatisticsOf(run);
  // This checkpoint is stored before the fleet is stopped, so that later steps know that the fleet may have been
  // stopped.
  return {
    checkpoint: { ...checkpoint, step: "stopping" },
    statistics: { ...statistics, stoppedAtMs: clock.now() },
  };
}

async function stopFleet(
  deps: MoveDependencies,
  context: RunContext,
  checkpoint: MoveCheckpoint,
): Promise<Step> {
  const { run } = context;
  const stop = { kind: "maintenance", owner: ownerOf(run), reason: "the database is being moved" } as const;
  await deps.step?.("stopping");
  await asHolder(deps, context, (tx) => stopLeasing(tx, stop));
  const mode = await deps.source(readFleetMode, IDEMPOTENT);
  await deps.step?.("fleet stopped");
  const stoppedFleet = mode.kind === "maintenance" && mode.owner === ownerOf(run);
  return { checkpoint: { ...checkpoint, stoppedFleet, step: "draining" } };
}

async function drain(
  deps: MoveDependencies,
  { run, clock }: RunContext,
  checkpoint: MoveCheckpoint,
): Promise<Step> {
  const running = await deps.source(countRunningLeases, IDEMPOTENT);
  if (running > 0) {
    if (clock.now() - (moveStatisticsOf(run).stoppedAtMs ?? 0) < DRAIN_MS) return { waitMs: POLL_MS };
    throw new MoveError({
      code: "leases-not-drained",
      message: `leases: expected none running ${DRAIN_MS / 60_000} min after the fleet was stopped, got ${running}`,
      remedy: "slabmend status shows what is running. The fleet continues; switch again later.",
      details: { running },
    });
  }
  await assertUnchanged(deps, checkpoint);
  const access = await deps.source(readSourceAccess, IDEMPOTENT);
  return { checkpoint: { ...checkpoint, access, step: "closing" } };
}

async function close(deps: MoveDependencies, context: RunContext, checkpoint: MoveCheckpoint): Promise<Step> {
  const { name } = moveScopeOf(context.run).source;
  await deps.step?.("closing");
  await asHolder(deps, context, (tx) => closeSource(tx, name, checkpoint.access!));
  await deps.step?.("closed");
  await assertClosed(deps, context, checkpoint.access!);
  const end = await deps.source(markEnd, IDEMPOTENT);
  return { checkpoint: { ...checkpoint, end, step: "closed" } };
}

async function catchUp(
  deps: MoveDependencies,
  context: RunContext,
  checkpoint: MoveCheckpoint,
): Promise<Step> {
  await deps.target((sql) => enableSubscription(sql, context.run.id), IDEMPOTENT);
  const message = "the target: expected to receive everything that the source has written";
  await waitUntil(context, CATCH_UP_MS, message, async () => {
    await assertReplicating(deps);
    return await deps.source((sql) => hasPassed(sql, checkpoint.end!), IDEMPOTENT);
  });
  await deps.step?.("caught up");
  return { checkpoint: { ...checkpoint, step: "caught-up" } };
}

async function compare(
  deps: MoveDependencies,
  context: RunContext,
  checkpoint: MoveCheckpoint,
): Promise<Step> {
  await assertUnchanged(deps, checkpoint);
  const compared = await compareDatabases(deps, context.run.id);
  // A superuser's writes during the comparison would be missing from the target: check again that there is no session.
  await assertClosed(deps, context, checkpoint.access!);
  await deps.step?.("compared");
  const statistics = { ...moveStatisticsOf(context.run), ...compared };
  return { checkpoint: { ...checkpoint, step: "compared" }, statistics };
}

/** Ends the replication: once the target is open, nothing may arrive from the source. */
async function detach(
  deps: SwitchDependencies,
  context: RunContext,
  checkpoint: MoveCheckpoint,
): Promise<Step> {
  await deps.target(disableSubscription, IDEMPOTENT);
  await waitUntil(
    context,
    WORKERS_END_MS,
    "the target: expected its replication workers to end",
    async () => {
      const subscription = await deps.target(readSubscription, IDEMPOTENT);
      return subscription?.isApplying === false;
    },
  );
  await deps.target((sql) => allowOpening(sql, context.run.id, deps.openingKey), IDEMPOTENT);
  await deps.step?.("detached");
  return { checkpoint: { ...checkpoint, step: "opening" } };
}

async function open(
  deps: SwitchDependencies,
  { run, clock }: RunContext,
  checkpoint: MoveCheckpoint,
): Promise<Step> {
  const { target, createdRoles } = moveScopeOf(run);
  const roles = await deps.source(readMoveRoles, IDEMPOTENT);
  const { owner } = await deps.source(readMoveServer, IDEMPOTENT);
  const access = checkpoint.access!;
  const logins = new Set(access.logins);
  const opening = {
    run: run.id,
    key: deps.openingKey,
    database: target.name,
    owner,
    // These superusers lost LOGIN in the source, because the move closed it. In the target they may log in.
    roles: {
      ...roles,
      roles: roles.roles.map((role) => (logins.has(role.name) ? { ...role, logsIn: true } : role)),
    },
    created: new Set(createdRoles),
    access,
    resumes: checkpoint.stoppedFleet,
  };
  await deps.step?.("opening");
  await deps.target((sql) => openTarget(sql, opening), IDEMPOTENT);
  await deps.step?.("opened");
  const statistics = moveStatisticsOf(run);
  const secondsWithoutClaims = Math.round((clock.now() - (statistics.stoppedAtMs ?? clock.now())) / 100) / 10;
  return {
    checkpoint: { ...checkpoint, step: "opened" },
    statistics: { ...statistics, secondsWithoutClaims },
  };
}

/**
 * Restores the source to its state before the switch; after that the switch can be tried again. The source is restored
 * first, because the target may be unavailable.
 * @throws {MoveError} `move-state` if the target is already open
 * @throws {RunError} `run-lease-lost`
 */
export async function takeBack(deps: MoveDependencies, context: RunContext): Promise<Step> {
  const { run } = context;
  const { access, stoppedFleet, end: _end, ...checkpoint } = moveCheckpointOf(run);
  // Before the step `opening` the target cannot have been opened, so it is asked only at that step.
  if (checkpoint.step === "opening" && (await hasOpened(deps, run, withdrawOpening))) throw alreadyOpened();
  const { name } = moveScopeOf(run).source;
  await asHolder(deps, context, async (tx) => {
    if (access !== undefined) await reopenSource(tx, name, access);
    const mode = await readFleetMode(tx);
    if (stoppedFleet || (mode.kind === "maintenance" && mode.owner === ownerOf(run))) {
      await resumeLeasing(tx, "maintenance");
    }
  });
  await deps.source(dropProbe, IDEMPOTENT);
  if (deps.isTargetLost !== true)
    await deps.target((sql) => enableSubscription(sql, run.id), IDEMPOTENT).catch(() => {});
  return { checkpoint: { ...checkpoint, step: "ready" } };
}

/**
 * Whether the target is open. A lost target cannot be asked: then the stored checkpoint decides.
 * @param look {@link withdrawOpening} if the caller holds the run's lease and will act on "not open"
 */
export async function hasOpened(
  deps: MoveDependencies,
  run: Run,
  look: typeof isOpened = isOpened,
): Promise<boolean> {
  const { step } = moveCheckpointOf(run);
  if (step === "opened" || deps.isTargetLost === true) return step === "opened";
  const opened = await deps.target((sql) => look(sql, run.id), IDEMPOTENT);
  // At the step `opening` the target has a copy of the run's row. If the target no longer has that row, it was opened,
  // and the row was deleted there later, as the row of a finished run.
  return opened ?? step === "opening";
}

export function alreadyOpened({
  isTargetLost = false,
}: Pick<MoveDependencies, "isTargetLost"> = {}): MoveError {
  return new MoveError({
    code: "move-state",
    message: "the move: expected the target not to be open yet, but it is open: there is no way back",
    remedy: isTargetLost
      ? "The source is a backup from the time of the switch: allow logins to the source again, then run slabmend restore start (docs/restore.md)."
      : "Point indexd and the fleet at the target, and end the move: slabmend move-database finish.",
  });
}

async function waitUntil(
  { clock, signal }: RunContext,
  limitMs: number,
  expected: string,
  isSo: () => Promise<boolean>,
): Promise<void> {
  const endsAtMs = clock.now() + limitMs;
  while (!(await isSo())) {
    if (clock.now() >= endsAtMs) {
      throw new MoveError({
        code: "behind",
        message: `${expected}, but this did not happen within ${limitMs / 1_000} s`,
        remedy: "Check the target's log and its load, then switch again.",
      });
    }
    await sleep(clock, POLL_MS, signal);
  }
}
