/**
 * The steps until the target follows the source. Each is idempotent: after a crash the next process finds what is
 * already done.
 */

import { closeTarget, hasSchema, loadSchema } from "../../database/move/load-schema.ts";
import { MoveError } from "../../database/move/move-error.ts";
import { MOVE } from "../../database/move/move-names.ts";
import { createRoles, readMoveRoles } from "../../database/move/move-roles.ts";
import { createPublication, newPassword, readSlot, type SlotState } from "../../database/move/publication.ts";
import { changedObjects, type Objects, readObjects } from "../../database/move/read-objects.ts";
import {
  connectionString,
  createSubscription,
  readSubscription,
  type SubscriptionState,
} from "../../database/move/subscription.ts";
import { explainLost } from "../../database/runs/maintenance-runs.ts";
import type { RunContext, Step } from "../maintenance/maintenance-job.ts";
import { IDEMPOTENT, LONG, type MoveDependencies } from "./move-dependencies.ts";
import { type MoveCheckpoint, moveCheckpointOf, moveScopeOf, moveStatisticsOf } from "./move-run.ts";
import { dumpSchema } from "./pg-dump.ts";

const POLL_MS = 1_000;

/** @throws {MoveError} `dump-failed`, `replication-broken`, `schema-changed` */
export async function advanceStart(deps: MoveDependencies, context: RunContext): Promise<Step> {
  const checkpoint = moveCheckpointOf(context.run);
  switch (checkpoint.step) {
    case "begun":
      return await makeRoles(deps, context, checkpoint);
    case "roles":
      return await copySchema(deps, context, checkpoint);
    case "schema":
      return await subscribe(deps, context, checkpoint);
    default:
      return await awaitCopies(deps, context, checkpoint);
  }
}

async function makeRoles(
  deps: MoveDependencies,
  { run }: RunContext,
  checkpoint: MoveCheckpoint,
): Promise<Step> {
  const { createdRoles, target } = moveScopeOf(run);
  // The objects are read after the run's row was stored, because only then does init refuse to change the schema.
  const objects = await deps.source(readObjects, IDEMPOTENT);
  const roles = await deps.source(readMoveRoles, IDEMPOTENT);
  await deps.target((sql) => createRoles(sql, roles, new Set(createdRoles)), IDEMPOTENT);
  await deps.target((sql) => closeTarget(sql, target.name), IDEMPOTENT);
  await deps.step?.("roles made");
  return { checkpoint: { ...checkpoint, objects, step: "roles" } };
}

async function copySchema(
  deps: MoveDependencies,
  _context: RunContext,
  checkpoint: MoveCheckpoint,
): Promise<Step> {
  if (!(await deps.target(hasSchema, IDEMPOTENT))) {
    const { sourceUrl: url, authorities, pgDump: path } = deps;
    const dump = await dumpSchema({ path, url, authorities });
    await deps.step?.("dumped");
    await deps
      .target((sql) => loadSchema(sql, dump), LONG)
      .catch((cause) => {
        throw notLoaded(cause);
      });
  }
  await deps.step?.("schema loaded");
  await assertUnchanged(deps, checkpoint);
  return { checkpoint: { ...checkpoint, step: "schema" } };
}

/**
 * The replication role's password exists only in this function, in the target's subscription, and as a verifier on the
 * source. So one step creates both the role and the subscription, and a process that finds no subscription sets a new
 * password.
 */
async function subscribe(
  deps: MoveDependencies,
  { run, token }: RunContext,
  checkpoint: MoveCheckpoint,
): Promise<Step> {
  const { address, source } = moveScopeOf(run);
  if ((await deps.target(readSubscription, IDEMPOTENT)) === undefined) {
    const password = newPassword();
    await deps.step?.("publishing");
    const publication = { database: source.name, password, run: run.id, token };
    await deps
      .source((sql) => createPublication(sql, publication), { ...LONG, ...IDEMPOTENT })
      .catch((cause: unknown) => {
        throw explainLost(cause, run.id);
      });
    await deps.step?.("published");
    const connection = connectionString(
      { ...address, sslRootCertificate: address.sslRootCertificate },
      { user: MOVE, password },
    );
    await deps.target((sql) => createSubscription(sql, connection), IDEMPOTENT);
  }
  await deps.step?.("subscribed");
  return { checkpoint: { ...checkpoint, step: "subscribed" } };
}

async function awaitCopies(
  deps: MoveDependencies,
  { run, clock }: RunContext,
  checkpoint: MoveCheckpoint,
): Promise<Step> {
  await assertUnchanged(deps, checkpoint);
  const { subscription } = await assertReplicating(deps);
  const { tables, readyTables } = subscription;
  const statistics = { ...moveStatisticsOf(run), tables, readyTables };
  if (readyTables < tables || tables === 0) return { statistics, waitMs: POLL_MS };
  await deps.step?.("copied");
  const copySeconds = Math.round((clock.now() - run.startedAt.getTime()) / 100) / 10;
  return { checkpoint: { ...checkpoint, step: "ready" }, statistics: { ...statistics, copySeconds } };
}

/** @throws {MoveError} `schema-changed` */
export async function assertUnchanged(deps: MoveDependencies, { objects }: MoveCheckpoint): Promise<void> {
  const now: Objects = await deps.source(readObjects, IDEMPOTENT);
  const changed = changedObjects(objects ?? {}, now);
  if (changed.length === 0) return;
  const some = changed.slice(0, 5).join(", ");
  throw new MoveError({
    code: "schema-changed",
    message: `the source: expected no change of its schema since the start, got ${changed.length} changed objects: ${some}`,
    remedy:
      "An upgrade of indexd, or another change of tables, is not replicated. The move has ended and the target is empty: start again after the upgrade.",
    details: { changed: changed.length },
  });
}

/** @throws {MoveError} `replication-broken` */
export async function assertReplicating(
  deps: MoveDependencies,
): Promise<{ readonly slot: SlotState; readonly subscription: SubscriptionState }> {
  const slot = await deps.source(readSlot, IDEMPOTENT);
  const subscription = await deps.target(readSubscription, IDEMPOTENT);
  if (slot !== undefined && slot.walStatus !== "lost" && subscription?.isEnabled === true) {
    return { slot, subscription };
  }
  const got =
    slot === undefined
      ? "the source has no slot"
      : slot.walStatus === "lost"
        ? "the source has invalidated the slot: the target stopped replicating, and max_slot_wal_keep_size was used up"
        : subscription === undefined
          ? "the target has no subscription"
          : "the subscription is switched off";
  throw new MoveError({
    code: "replication-broken",
    message: `the replication: expected it to run, but ${got}`,
    remedy: "slabmend move-database abort removes what the move has created; then start again.",
  });
}

/**
 * This error repeats the target's own message, because that message names what is missing: a role, an extension, a
 * function.
 */
function notLoaded(cause: unknown): MoveError {
  return new MoveError({
    code: "dump-failed",
    message: `the target: expected to load the source's schema, got: ${cause instanceof Error ? cause.message : String(cause)}`,
    remedy:
      "Create what is missing on the target's server, and run slabmend move-database start again: the move continues from here.",
    cause,
  });
}
