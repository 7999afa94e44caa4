import * as v from "valibot";
import { bytes, count, id, schemaVersion, seconds, time } from "./fields.ts";

const finding = v.object({
  code: v.pipe(v.string(), v.description("stable code of the check or the finding")),
  level: v.pipe(
    v.picklist(["ok", "warning", "failure"]),
    v.description("failure: a later step would fail. warning: check it yourself"),
  ),
  says: v.string(),
  remedy: v.nullable(v.pipe(v.string(), v.description("always set for a warning or a failure"))),
});

const replication = v.object({
  walStatus: v.nullable(
    v.pipe(
      v.string(),
      v.description(
        "the replication slot's wal_status; `lost`: the move must be started again. null: no slot",
      ),
    ),
  ),
  lagBytes: v.nullable(
    v.pipe(bytes, v.description("WAL written by the source, but not yet durable on the target")),
  ),
  keptBytes: v.nullable(v.pipe(bytes, v.description("WAL that the source keeps for the target"))),
  safeBytes: v.nullable(
    v.pipe(bytes, v.description("WAL that the source may still write before it invalidates the slot")),
  ),
  isApplying: v.pipe(v.boolean(), v.description("the target's replication worker runs")),
  isEnabled: v.pipe(
    v.boolean(),
    v.description("false: the switch or an operator has disabled the subscription"),
  ),
  tables: count,
  readyTables: v.pipe(count, v.description("tables that are copied and now follow the source's changes")),
  copiedBytes: v.pipe(bytes, v.description("size of the target's database, including indexes")),
  totalBytes: v.pipe(bytes, v.description("size of the source's database at the start")),
  secondsLeft: v.nullable(
    v.pipe(
      seconds,
      v.description("remaining time of the copy at its pace so far; null: unknown, or the copy has ended"),
    ),
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
        step: v.pipe(
          v.string(),
          v.description("the last finished step; docs/move-database.md lists the steps"),
        ),
        owner: v.string(),
        startedAt: time,
        finishedAt: v.nullable(time),
        coordinator: v.nullable(
          v.pipe(v.string(), v.description("the process that executes it; null: none")),
        ),
        statistics: v.pipe(
          v.record(v.string(), v.unknown()),
          v.description("described in docs/move-database.md"),
        ),
        error: v.nullable(v.object({ code: v.string(), message: v.string(), remedy: v.string() })),
      }),
      v.description("the unfinished move, or the last one; null: none"),
    ),
  ),
  findings: v.nullable(v.pipe(v.array(finding), v.description("only for `plan` and a refused `start`"))),
  estimate: v.nullable(
    v.pipe(
      v.object({
        tables: count,
        rows: count,
        sectors: count,
        bytes,
        copySeconds: seconds,
        secondsWithoutClaims: v.pipe(
          seconds,
          v.description("how long claims stop at most, not counting the wait for the leases to end"),
        ),
      }),
      v.description("only for `plan` and a refused `start`"),
    ),
  ),
  replication: v.nullable(v.pipe(replication, v.description("`status` only"))),
  alarms: v.pipe(
    v.array(v.string()),
    v.description("problems that need an operator; any of them makes the exit code 6"),
  ),
});

export type MoveReport = v.InferOutput<typeof moveSchema>;
