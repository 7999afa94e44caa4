/**
 * Routes for maintenance runs, which do the same as `slabmend maintenance start`, `status`, `pause`, `resume` and
 * `cancel`.
 */
import * as v from "valibot";
import { resolveRunScope, STARTABLE_KINDS } from "../../cli/command/run-scope.ts";
import type { Ask } from "../../database/client/deadline-client.ts";
import { requestOfRun, startRun } from "../../database/runs/maintenance-runs.ts";
import { noRun } from "../../database/runs/run-error.ts";
import { id } from "../../reports/fields.ts";
import { readMaintenanceReport } from "../../reports/maintenance.ts";
import { type MaintenanceReport, maintenanceSchema } from "../../reports/maintenance-schema.ts";
import { apiRoute, whole } from "./api-route.ts";

const MOST_RUNS = 1_000;
const USUAL_RUNS = 20;
const runId = v.pipe(
  id,
  v.transform((text: string) => BigInt(text)),
  v.check((run) => run < 2n ** 63n),
);

const runs = apiRoute({
  method: "GET",
  path: "/runs",
  name: "runs",
  says: "The unfinished maintenance run (if there is none, the last run) and earlier runs.",
  query: v.strictObject({ limit: v.optional(whole(0, MOST_RUNS)) }),
  answer: maintenanceSchema,
  run: ({ ask }, { query: { limit = USUAL_RUNS } }) => readMaintenanceReport(ask, { earlier: limit }),
});

const oneRun = apiRoute({
  method: "GET",
  path: "/runs/{id}",
  name: "run",
  says: "One maintenance run.",
  params: v.strictObject({ id: runId }),
  answer: maintenanceSchema,
  problems: [404],
  run: ({ ask }, { params }) => readOne(ask, params.id),
});

const steerRun = apiRoute({
  method: "POST",
  path: "/runs/{id}/{request}",
  name: "run-request",
  says: "Pauses or cancels a maintenance run after the current batch, or continues a paused run. A cancelled run is `cancelling` until a process has ended it; its records stay.",
  params: v.strictObject({ id: runId, request: v.picklist(["pause", "resume", "cancel"]) }),
  answer: maintenanceSchema,
  problems: [404, 409],
  async run({ ask }, { params: { id: wanted, request } }) {
    const { id: run } = await ask((sql) => requestOfRun(sql, request, wanted));
    return await readOne(ask, run);
  },
});

const name = v.pipe(v.string(), v.maxLength(100));
const percent = v.pipe(v.number(), v.gtValue(0), v.ltValue(100));

const beginRun = apiRoute({
  method: "POST",
  path: "/runs",
  name: "run-start",
  says: "Starts a maintenance run, which `serve` and `work --from-database` execute. With `dryRun`, starts nothing and only estimates the cost.",
  body: v.strictObject({
    kind: v.picklist(STARTABLE_KINDS.map(({ kind }) => kind)),
    hosts: v.optional(
      v.pipe(
        v.array(name),
        v.maxLength(20),
        v.description("all sectors of the hosts with these public keys; verify takes only one host"),
      ),
      [],
    ),
    slab: v.optional(v.pipe(name, v.description("verify: the sectors of the slab with this id or digest"))),
    object: v.optional(
      v.pipe(name, v.description("verify: all slabs of the object with this key of 64 hex digits")),
    ),
    sample: v.optional(
      v.pipe(v.boolean(), v.description("verify: a random sample of the host's sectors")),
      false,
    ),
    missing: v.optional(
      v.pipe(
        percent,
        v.description(
          "with sample: the smallest share of missing sectors that the sample must detect, in percent",
        ),
      ),
      0.1,
    ),
    confidence: v.optional(
      v.pipe(
        percent,
        v.description(
          "with sample: the probability, in percent, that the sample detects the share `missing`",
        ),
      ),
      99,
    ),
    dryRun: v.optional(v.boolean(), false),
  }),
  answer: maintenanceSchema,
  problems: [404, 409],
  async run({ ask, owner }, { body: { kind, dryRun, slab, object, ...options } }) {
    const named = STARTABLE_KINDS.find((one) => one.kind === kind)!;
    const scope = await resolveRunScope(ask, kind, {
      ...options,
      ...(slab === undefined ? {} : { slab }),
      ...(object === undefined ? {} : { object }),
    });
    if (dryRun) return await readMaintenanceReport(ask, { estimate: await named.estimate(ask, scope) });
    const { id: run } = await ask((sql) => startRun(sql, { kind, scope, owner }));
    return await readOne(ask, run);
  },
});

/** @throws {RunError} `no-run` */
async function readOne(ask: Ask, run: bigint): Promise<MaintenanceReport> {
  const report = await readMaintenanceReport(ask, { id: run });
  if (report.run === null) throw noRun(run);
  return report;
}

export const RUN_ROUTES = [runs, oneRun, beginRun, steerRun] as const;
