/** Routes that change something, as `pause`, `resume`, `quarantine release` and `dead-letters redrive` do. */
import * as v from "valibot";
import { redriveDeadLetters } from "../../cli/command/redrive-dead-letters.ts";
import type { Ask } from "../../database/client/deadline-client.ts";
import {
  type FleetMode,
  readFleetMode,
  resumeLeasing,
  stopLeasing,
} from "../../database/fleet/fleet-mode.ts";
import { releaseQuarantine } from "../../database/fleet/quarantine.ts";
import { deleteDeadLetters } from "../../database/fleet/stored-dead-letters.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import { count, id } from "../../reports/fields.ts";
import { describeMode, fleetMode } from "../../reports/mode.ts";
import { parseSlabId } from "../../slab/ids.ts";
import { ServerError } from "../server-error.ts";
import { apiRoute } from "./api-route.ts";

const modeSchema = v.object({
  changed: v.pipe(v.boolean(), v.description("false: the fleet had this mode already")),
  mode: fleetMode,
});

const putMode = apiRoute({
  method: "PUT",
  path: "/mode",
  name: "fleet-mode",
  says: "Pauses, suspends or resumes the fleet. While it is paused or suspended, no slabs are leased; leased slabs are still repaired, and reap continues. A suspension also ends the indexer's processes when its repairs are finished.",
  body: v.strictObject({
    kind: v.picklist(["running", "paused", "suspended"]),
    reason: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(500))), null),
  }),
  answer: modeSchema,
  problems: [409],
  async run({ ask, owner }, { body: { kind, reason } }) {
    const changed = await ask((sql) =>
      kind === "running"
        ? resumeLeasing(sql, "paused", "suspended")
        : stopLeasing(sql, { kind, owner, reason: reason ?? undefined }),
    );
    const mode = await ask(readFleetMode, { isIdempotent: true });
    if (mode.kind !== kind) throw modeNotSet(kind, mode);
    return { changed, mode: describeMode(mode) };
  },
});

/**
 * The error if the requested mode could not be set: either a maintenance run has set a mode that only this run can
 * end, or another operator changed the mode at the same time.
 */
function modeNotSet(wanted: string, mode: FleetMode): ServerError {
  const by = mode.kind === "running" ? "" : `, set by ${mode.owner}`;
  return new ServerError({
    status: 409,
    code: "mode-not-set",
    name: "the fleet's mode",
    expected: wanted,
    got: `${mode.kind}${by}`,
    remedy:
      "If a maintenance run has set the mode, wait for the run to end, or cancel it. Otherwise reload and try again.",
  });
}

const releaseSlab = apiRoute({
  method: "DELETE",
  path: "/quarantine/{slab}",
  name: "quarantine-release",
  says: "Ends the quarantine of a slab and resets its crash count; the next claim may lease it.",
  params: v.strictObject({ slab: id }),
  answer: v.object({ released: v.array(id) }),
  problems: [404],
  async run({ ask }, { params: { slab } }) {
    const released = await ask((sql) => releaseQuarantine(sql, [parseSlabId(slab)]));
    if (released.length > 0) return { released: [...released] };
    throw new OperatorError({
      code: "not-quarantined",
      message: `slab ${slab}: expected it in quarantine, but it is not`,
      remedy: "Reload the list: the slab's quarantine may have ended.",
    });
  },
});

const messageId = v.pipe(v.string(), v.minLength(1), v.maxLength(200));

const redrive = apiRoute({
  method: "POST",
  path: "/dead-letters/redrive",
  name: "dead-letters-redrive",
  says: "Sends again the dead letters whose leases still wait, and deletes those that no longer matter. Needs SLABMEND_QUEUE_URL, and permission to send to this queue. Sending a message twice is harmless.",
  body: v.strictObject({
    messageIds: v.optional(
      v.nullable(
        v.pipe(
          v.array(messageId),
          v.minLength(1),
          v.maxLength(1_000),
          v.description("ids of messages; null: all, at most 1000"),
        ),
      ),
      null,
    ),
    discard: v.optional(v.pipe(v.boolean(), v.description("delete unreadable ones too")), false),
  }),
  answer: v.object({ sent: count, moot: count, discarded: count, kept: count }),
  problems: [404, 409, 502],
  async run({ ask, openQueue }, { body: { messageIds, discard } }) {
    const queue = await openQueue();
    if (queue === undefined) throw noQueue();
    return await redriveDeadLetters(
      { ask, queue },
      { discard, ...(messageIds === null ? {} : { messageIds }) },
    );
  },
});

function noQueue(): ServerError {
  return new ServerError({
    status: 409,
    code: "no-queue",
    name: "SLABMEND_QUEUE_URL",
    expected: "the URL of the queue that the dead letters came from",
    got: "none",
    remedy:
      "Run slabmend dead-letters redrive where SLABMEND_QUEUE_URL is set; otherwise the slabs are claimed again when their leases end.",
  });
}

const forgetLetter = apiRoute({
  method: "DELETE",
  path: "/dead-letters/{messageId}",
  name: "dead-letter-delete",
  says: "Deletes a dead letter, without harm to its slab: if the letter's lease still waits for a repair, the lease expires and the slab is claimed again.",
  params: v.strictObject({ messageId }),
  answer: v.object({ deleted: count }),
  problems: [404],
  run: ({ ask }, { params }) => forget(ask, params.messageId),
});

async function forget(ask: Ask, letter: string): Promise<{ deleted: number }> {
  const deleted = await ask((sql) => deleteDeadLetters(sql, [letter]));
  if (deleted > 0) return { deleted };
  throw new OperatorError({
    code: "no-such-dead-letter",
    message: `dead letter ${letter.slice(0, 100)}: expected it in slabmend.dead_letters, got none`,
    remedy: "Reload the list.",
  });
}

export const WRITE_ROUTES = [putMode, releaseSlab, redrive, forgetLetter] as const;
