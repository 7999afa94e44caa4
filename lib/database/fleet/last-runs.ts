/** Records when claim and reap last ran, so that status and alarms notice when claim or reap is no longer run. */
import type { ISql } from "postgres";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";

/**
 * The time is written at most once in this interval, because a worker without a queue claims several times a second.
 */
const WRITE_EVERY_SECONDS = 10;

/** Records the time of a run in the only row of `fleet`, in a transaction of its own. */
export async function noteRun(sql: ISql, job: "claim" | "reap"): Promise<void> {
  const column = sql(job === "claim" ? "claimed_at" : "reaped_at");
  // A stored time that lies in the future, because the clock was set back, is replaced too.
  const note = () => sql`
    update slabmend.fleet set ${column} = clock_timestamp()
    where ${column} is null
      or ${column} not between clock_timestamp() - make_interval(secs => ${WRITE_EVERY_SECONDS}) and clock_timestamp()`;
  await retryTransaction(`note the run of ${job}`, async () => await note(), BRIEFLY);
}
