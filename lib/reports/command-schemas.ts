/** What the commands that check and steer print. */
import * as v from "valibot";
import { count, id, schemaVersion } from "./fields.ts";

/** `slabmend doctor --json`. */
export const doctorSchema = v.object({
  schemaVersion,
  failures: count,
  warnings: count,
  checks: v.array(
    v.object({
      code: v.pipe(v.string(), v.description("stable: what was looked at, or what was found")),
      level: v.pipe(
        v.picklist(["ok", "warning", "failure", "skipped"]),
        v.description(
          "warning: it works, but look. failure: something does not work. skipped: what it needs is not set",
        ),
      ),
      says: v.string(),
      remedy: v.nullable(v.pipe(v.string(), v.description("with a warning or a failure always"))),
    }),
  ),
});

/** `slabmend quarantine release --json` and the answer to `DELETE /api/v1/quarantine/{slab}`. */
export const releaseSchema = v.object({
  schemaVersion,
  released: v.array(id),
  notQuarantined: v.array(id),
});

/** `slabmend dead-letters redrive --json` and the answer to `POST /api/v1/dead-letters/redrive`. */
export const redriveSchema = v.object({
  schemaVersion,
  sent: v.pipe(count, v.description("back in the queue of repairs")),
  moot: v.pipe(count, v.description("forgotten: their slabs go on without them")),
  discarded: v.pipe(count, v.description("unreadable ones that were forgotten")),
  kept: v.pipe(count, v.description("unreadable ones, and those that SQS did not take")),
});
