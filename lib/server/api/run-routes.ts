/** Maintenance runs: what `slabmend maintenance status`, `pause`, `resume` and `cancel` show and do. */
import * as v from "valibot";
import type { Ask } from "../../database/client/deadline-client.ts";
import { requestOfRun } from "../../database/runs/maintenance-runs.ts";
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
  says: "The maintenance run that is not finished, or the last one, and earlier ones.",
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
  says: "Pauses, resumes or cancels a maintenance run. It takes effect after the batch in hand; a cancelled run is `cancelling` until a process has ended it.",
  params: v.strictObject({ id: runId, request: v.picklist(["pause", "resume", "cancel"]) }),
  answer: maintenanceSchema,
  problems: [404, 409],
  async run({ ask }, { params: { id: wanted, request } }) {
    const { id: run } = await ask((sql) => requestOfRun(sql, request, wanted));
    return await readOne(ask, run);
  },
});

/** @throws {RunError} `no-run` */
async function readOne(ask: Ask, run: bigint): Promise<MaintenanceReport> {
  const report = await readMaintenanceReport(ask, { id: run });
  if (report.run === null) throw noRun(run);
  return report;
}

export const RUN_ROUTES = [runs, oneRun, steerRun] as const;
