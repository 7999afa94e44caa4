import * as v from "valibot";
import { count, hex, id, schemaVersion, time } from "./fields.ts";

/** A maintenance run of any kind. */
export const runSchema = v.object({
  id,
  kind: v.string(),
  host: v.nullable(v.pipe(hex, v.description("the only host of its scope; null: no host, or several"))),
  hosts: v.pipe(v.array(hex), v.description("public keys of the hosts of its scope")),
  slabId: v.nullable(v.pipe(id, v.description("slab of its scope"))),
  object: v.nullable(v.pipe(hex, v.description("object of its scope"))),
  sample: v.nullable(
    v.pipe(
      v.object({
        missingShare: v.number(),
        confidence: v.number(),
        draws: count,
      }),
      v.description("null: all sectors"),
    ),
  ),
  state: v.pipe(
    v.picklist(["running", "paused", "cancelling", "done", "cancelled", "failed"]),
    v.description("cancelling: some work of the run is still in progress"),
  ),
  owner: v.pipe(v.string(), v.description("who started the run")),
  startedAt: time,
  finishedAt: v.nullable(time),
  coordinator: v.nullable(v.pipe(v.string(), v.description("the process that executes it; null: none"))),
  coordinatorSeenAt: v.nullable(
    v.pipe(
      time,
      v.description(
        "when the coordinator last wrote to the run; after 5 min without a write, another process may take over",
      ),
    ),
  ),
  progress: v.nullable(
    v.pipe(v.object({ done: count, total: count, unit: v.string() }), v.description("null: not known")),
  ),
  statistics: v.pipe(
    v.record(v.string(), v.unknown()),
    v.description("the keys depend on the run's kind: docs/maintenance.md"),
  ),
  hasFindings: v.pipe(v.boolean(), v.description("it found something that needs an operator's attention")),
  says: v.pipe(v.array(v.string()), v.description("its results so far, for people")),
  error: v.nullable(
    v.pipe(
      v.object({ code: v.string(), message: v.string(), remedy: v.string() }),
      v.description("why the run failed; null: it did not"),
    ),
  ),
});

/** Printed by every `slabmend maintenance` command, and answered by `/api/v1/runs`. */
export const maintenanceSchema = v.object({
  schemaVersion,
  at: time,
  run: v.nullable(
    v.pipe(
      runSchema,
      v.description(
        "the run that the command or request names; if it names none, the latest run; null: there is no run, or `--dry-run` was given",
      ),
    ),
  ),
  affected: v.nullable(
    v.pipe(
      v.object({
        sectors: v.pipe(
          count,
          v.description("sectors denied since the run began, and not fully served since"),
        ),
        slabs: v.pipe(v.array(id), v.description("at most 1,000")),
        objects: v.pipe(v.array(hex), v.description("object keys; at most 1,000")),
      }),
      v.description(
        "what is affected, as found by the verification in `run`; null: `run` is null or of another kind",
      ),
    ),
  ),
  estimate: v.nullable(
    v.pipe(
      v.object({
        lines: v.array(v.string()),
        values: v.record(v.string(), v.nullable(v.union([v.number(), v.string()]))),
      }),
      v.description("only with `--dry-run`, which starts no run"),
    ),
  ),
  earlier: v.pipe(v.array(runSchema), v.description("other runs, latest first; only for `status`")),
});

export type MaintenanceReport = v.InferOutput<typeof maintenanceSchema>;
export type RunReport = v.InferOutput<typeof runSchema>;
