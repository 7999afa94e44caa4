/** The indexers of this server: what they are at, and the deletion of one. Suspending and resuming is a mode: write-routes.ts. */
import * as v from "valibot";
import { readFleetMode, stopLeasing } from "../../database/fleet/fleet-mode.ts";
import { indexersSchema } from "../../reports/indexers-schema.ts";
import { describeMode, fleetMode } from "../../reports/mode.ts";
import { ServerError } from "../server-error.ts";
import { serverRoute } from "./api-route.ts";

const list = serverRoute({
  method: "GET",
  path: "/indexers",
  name: "indexers",
  says: "The indexers of this server: their states, what operators want of them, and what works for them here.",
  answer: indexersSchema,
  run: async (served) => ({ schemaVersion: 1 as const, indexers: [...served.report()] }),
});

const remove = serverRoute({
  method: "DELETE",
  path: "/indexers/{indexer}",
  name: "indexer-delete",
  says: "Deletes an indexer: its repairs end, then all that slabmend made in its database is removed, and a tombstone stays. indexd's tables stay as they are. Cannot be undone.",
  params: v.strictObject({ indexer: v.pipe(v.string(), v.maxLength(20)) }),
  body: v.strictObject({
    confirm: v.pipe(v.string(), v.description("the indexer's name once more")),
    reason: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(500))), null),
  }),
  answer: v.object({ mode: fleetMode }),
  problems: [404, 409],
  async run(served, { params: { indexer }, body: { confirm, reason } }) {
    const { ask, owner } = served.find(indexer).api;
    if (confirm !== indexer) throw notConfirmed(indexer, confirm);
    await ask((sql) => stopLeasing(sql, { kind: "deleting", owner, reason: reason ?? undefined }));
    const mode = await ask(readFleetMode, { isIdempotent: true });
    if (mode.kind !== "deleting") throw modeNotSet(mode.kind);
    return { mode: describeMode(mode) };
  },
});

function notConfirmed(indexer: string, got: string): ServerError {
  return new ServerError({
    status: 409,
    code: "not-confirmed",
    name: "body, confirm",
    expected: indexer,
    got: JSON.stringify(got.slice(0, 40)),
    remedy: "Give the name of the indexer that is to be deleted; nothing was changed.",
  });
}

function modeNotSet(got: string): ServerError {
  return new ServerError({
    status: 409,
    code: "mode-not-set",
    name: "the fleet's mode",
    expected: "deleting",
    got,
    remedy: "Let a maintenance run end, or cancel it; otherwise look again.",
  });
}

export const INDEXER_ROUTES = [list, remove] as const;
