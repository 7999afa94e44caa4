/** Routes that list this server's indexers and delete an indexer. write-routes.ts suspends and resumes indexers. */
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
  says: "The indexers of this server, their states and modes, and the workers that run for them here.",
  answer: indexersSchema,
  run: async (served) => ({ schemaVersion: 1 as const, indexers: [...served.report()] }),
});

const remove = serverRoute({
  method: "DELETE",
  path: "/indexers/{indexer}",
  name: "indexer-delete",
  says: "Deletes an indexer: ends its repairs, then removes slabmend's tables from its database. One table stays, the tombstone: it records who deleted the indexer, when and why. indexd's tables are not changed. Cannot be undone.",
  params: v.strictObject({ indexer: v.pipe(v.string(), v.maxLength(20)) }),
  body: v.strictObject({
    confirm: v.pipe(v.string(), v.description("the indexer's name again")),
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
    remedy: "Nothing was changed. To delete the indexer, send its name as `confirm`.",
  });
}

function modeNotSet(got: string): ServerError {
  return new ServerError({
    status: 409,
    code: "mode-not-set",
    name: "the fleet's mode",
    expected: "deleting",
    got,
    remedy:
      "If a maintenance run has set the mode, wait for the run to end, or cancel it. Otherwise reload and try again.",
  });
}

export const INDEXER_ROUTES = [list, remove] as const;
