import * as v from "valibot";
import { bytes, count, id, schemaVersion, seconds, time } from "./fields.ts";

const finding = v.object({
  code: v.pipe(v.string(), v.description("stable: what was looked at, or what was found")),
  level: v.pipe(
    v.picklist(["ok", "warning", "failure"]),
    v.description("failure: a later step would fail. warning: look yourself"),
  ),
  says: v.string(),
  remedy: v.nullable(v.pipe(v.string(), v.description("with a warning or a failure always"))),
});

const replication = v.object({
  walStatus: v.nullable(
    v.pipe(
      v.string(),
      v.description("PostgreSQL's, of the slot; `lost`: the move has to be started again. null: no slot"),
    ),
  ),
  lagBytes: v.nullable(v.pipe(bytes, v.description("written by the source and not yet safe on the target"))),
  keptBytes: v.nullable(v.pipe(bytes, v.description("of its log that the source keeps for the target"))),
  safeBytes: v.nullable(
    v.pipe(bytes, v.description("that the source may still write before it gives the slot up")),
  ),
  isApplying: v.pipe(v.boolean(), v.description("the target's worker runs")),
  isEnabled: v.pipe(
    v.boolean(),
    v.description("false: the switch, or an operator, has switched the subscription off"),
  ),
  tables: count,
  readyTables: v.pipe(count, v.description("copied, and following with the others")),
  copiedBytes: v.pipe(bytes, v.description("of the target's database, indexes included")),
  totalBytes: v.pipe(bytes, v.description("of the source's at the start")),
  secondsLeft: v.nullable(
    v.pipe(seconds, v.description("of the copy, by its pace so far; null: not known, or copied")),
  ),
});

/** Printed by every `slabmend move-database` command. */
export const moveSchema = v.object({
  schemaVersion,
  at: time,
  run: v.nullable(
    v.pipe(
      v.object({
        id,
        state: v.picklist(["running", "paused", "cancelling", "done", "cancelled", "failed"]),
        step: v.pipe(v.string(), v.description("the last one that was done; docs/move-database.md")),
        owner: v.string(),
        startedAt: time,
        finishedAt: v.nullable(time),
        coordinator: v.nullable(v.pipe(v.string(), v.description("moves it on now; null: no process does"))),
        statistics: v.pipe(v.record(v.string(), v.unknown()), v.description("as docs/move-database.md says")),
        error: v.nullable(v.object({ code: v.string(), message: v.string(), remedy: v.string() })),
      }),
      v.description("the move that is not finished, or the last one; null: none"),
    ),
  ),
  findings: v.nullable(v.pipe(v.array(finding), v.description("`plan` and a refused `start` only"))),
  estimate: v.nullable(
    v.pipe(
      v.object({
        tables: count,
        rows: count,
        sectors: count,
        bytes,
        copySeconds: seconds,
        secondsWithoutClaims: v.pipe(seconds, v.description("at most, once the leases have ended")),
      }),
      v.description("`plan` and a refused `start` only"),
    ),
  ),
  replication: v.nullable(v.pipe(replication, v.description("`status` only"))),
  alarms: v.pipe(v.array(v.string()), v.description("what needs an operator; with one the exit code is 6")),
});

export type MoveReport = v.InferOutput<typeof moveSchema>;
