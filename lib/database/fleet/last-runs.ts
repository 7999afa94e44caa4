/** When claim and reap last did their work, so that status and alarms notice when they are no longer run. */
import type { ISql } from "postgres";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";

/** A worker without a queue claims several times a second: the time is written at most this often. */
const WRITE_EVERY_SECONDS = 10;

/** Records the time of a run. One row of `fleet` by primary key, in its own transaction. */
export async function noteRun(sql: ISql, job: "claim" | "reap"): Promise<void> {
  const column = sql(job === "claim" ? "claimed_at" : "reaped_at");
  // A time in the future (the clock was set back since) is replaced.
  const note = () => sql`
    update slabmend.fleet set ${column} = clock_timestamp()
    where ${column} is null
      or ${column} not between clock_timestamp() - make_interval(secs => ${WRITE_EVERY_SECONDS}) and clock_timestamp()`;
  await retryTransaction(`note the run of ${job}`, async () => await note(), BRIEFLY);
}
