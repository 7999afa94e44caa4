import * as v from "valibot";
import { count, hex, id, schemaVersion, time } from "./fields.ts";

/** A maintenance run, whatever its kind. */
export const runSchema = v.object({
  id,
  kind: v.string(),
  host: v.nullable(v.pipe(hex, v.description("of its scope; null: none, or several"))),
  hosts: v.pipe(v.array(hex), v.description("of its scope: public keys")),
  slabId: v.nullable(v.pipe(id, v.description("of its scope"))),
  object: v.nullable(v.pipe(hex, v.description("of its scope"))),
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
    v.description("cancelling: until nothing of it is in flight"),
  ),
  owner: v.pipe(v.string(), v.description("started it")),
  startedAt: time,
  finishedAt: v.nullable(time),
  coordinator: v.nullable(v.pipe(v.string(), v.description("moves it on now; null: no process does"))),
  coordinatorSeenAt: v.nullable(
    v.pipe(time, v.description("its last write; 5 min later another process may take over")),
  ),
  progress: v.nullable(
    v.pipe(v.object({ done: count, total: count, unit: v.string() }), v.description("null: not known")),
  ),
  statistics: v.pipe(
    v.record(v.string(), v.unknown()),
    v.description("as docs/maintenance.md says of its kind"),
  ),
  hasFindings: v.pipe(v.boolean(), v.description("it found something that an operator has to look at")),
  says: v.pipe(v.array(v.string()), v.description("for people: what came of it so far")),
  error: v.nullable(
    v.pipe(
      v.object({ code: v.string(), message: v.string(), remedy: v.string() }),
      v.description("of a failed one"),
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
      v.description("the one that is not finished, or that the command is about; null: none"),
    ),
  ),
  affected: v.nullable(
    v.pipe(
      v.object({
        sectors: v.pipe(count, v.description("denied since the run began, and not served as a whole since")),
        slabs: v.pipe(v.array(id), v.description("at most 1,000")),
        objects: v.pipe(v.array(hex), v.description("object keys; at most 1,000")),
      }),
      v.description("of `run`; null: none"),
    ),
  ),
  estimate: v.nullable(
    v.pipe(
      v.object({
        lines: v.array(v.string()),
        values: v.record(v.string(), v.nullable(v.union([v.number(), v.string()]))),
      }),
      v.description("with `--dry-run`: nothing was started"),
    ),
  ),
  earlier: v.pipe(v.array(runSchema), v.description("the latest first; `status` only")),
});

export type MaintenanceReport = v.InferOutput<typeof maintenanceSchema>;
export type RunReport = v.InferOutput<typeof runSchema>;
