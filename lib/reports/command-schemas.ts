/** The JSON output of the commands that check, set up or steer the fleet. */
import * as v from "valibot";
import { count, hex, id, schemaVersion } from "./fields.ts";

/** `slabmend doctor --json`. */
export const doctorSchema = v.object({
  schemaVersion,
  failures: count,
  warnings: count,
  checks: v.array(
    v.object({
      code: v.pipe(v.string(), v.description("stable code of the check or the finding")),
      level: v.pipe(
        v.picklist(["ok", "warning", "failure", "skipped"]),
        v.description(
          "warning: works, but needs attention. failure: does not work. skipped: a variable that the check needs is not set",
        ),
      ),
      says: v.string(),
      remedy: v.nullable(v.pipe(v.string(), v.description("always set for a warning or a failure"))),
    }),
  ),
});

/** `slabmend followers forget --json`. */
export const forgetFollowerSchema = v.object({
  schemaVersion,
  forgotten: v.pipe(v.string(), v.description("its name")),
});

/** `slabmend quarantine release --json`. */
export const releaseSchema = v.object({
  schemaVersion,
  released: v.array(id),
  notQuarantined: v.array(id),
});

/** `slabmend dead-letters redrive --json`. */
export const redriveSchema = v.object({
  schemaVersion,
  sent: v.pipe(count, v.description("sent to the repair queue again")),
  moot: v.pipe(count, v.description("deleted without being sent, because their slabs no longer need them")),
  discarded: v.pipe(count, v.description("unreadable messages that were deleted")),
  kept: v.pipe(
    count,
    v.description("messages that stay: unreadable ones, and those that SQS did not accept"),
  ),
});

/** `slabmend work --json` and `slabmend serve --json`: the last line. */
export const workSchema = v.object({
  schemaVersion,
  done: v.literal(true),
  outcomes: v.pipe(v.record(v.string(), count), v.description("repairs that ended, by outcome")),
  notBegun: count,
  crashed: v.pipe(count, v.description("repairs lost because their worker's process crashed")),
});

const done = v.pipe(v.boolean(), v.description("false: a dry run"));
const will = v.pipe(
  v.array(v.string()),
  v.description("the steps that the command took or, in a dry run, would take"),
);

/** `slabmend init --json`. */
export const initSchema = v.object({
  schemaVersion,
  done,
  will,
  from: v.nullable(
    v.pipe(count, v.description("version of the slabmend schema before the command; 0: there was no schema")),
  ),
  to: v.nullable(count),
});

/** `slabmend uninstall --json`. */
export const uninstallSchema = v.object({
  schemaVersion,
  done,
  will,
  eventsBumped: v.nullable(count),
  slabsFreed: v.nullable(count),
});

/** `slabmend indexers delete --json`. */
export const indexerDeletedSchema = v.object({
  schemaVersion,
  deleted: v.literal(true),
  indexer: v.string(),
  slabsFreed: v.pipe(
    v.nullable(count),
    v.description(
      "leased slabs whose repairs had not begun, returned to indexd; null: another process removed the indexer",
    ),
  ),
  roles: v.pipe(
    v.array(v.string()),
    v.description("roles of workers, which no longer have privileges on this database"),
  ),
});

/** `slabmend grant --json`. */
export const grantSchema = v.object({ schemaVersion, sql: v.string() });

/** `slabmend invoke --json`. */
export const invokeSchema = v.object({
  schemaVersion,
  function: v.pipe(v.string(), v.description("its name or ARN")),
  report: v.nullable(
    v.pipe(v.record(v.string(), v.unknown()), v.description("the run's report, as in its log line")),
  ),
});

/** `slabmend derive-seed --json`. */
export const deriveSeedSchema = v.object({
  schemaVersion,
  migrationSeed: v.pipe(hex, v.description("secret; the value of SLABMEND_MIGRATION_SEED")),
  account: v.pipe(hex, v.description("the public key by which hosts know the account")),
  wallet: v.picklist(["matches", "not-compared"]),
});
