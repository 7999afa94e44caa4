import type { ISql } from "postgres";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";

/**
 * After the database's clock was set back, shortens leases that would last for that much longer. Returns how many.
 *
 * A lease is good for at most as long as its hold, counted from when it was made or begun: claim's hold is all the time that
 * a message may wait, and a repair's is the whole time that its worker has, and two minutes. So a lease that is
 * good for a hold from now on outlives its worker, also one that never reports again: nothing is taken from a live one. Only what a jump of
 * the clock added goes.
 *
 * Reads the whole of leases (never larger than the fleet); `skip locked`: who holds a row is at work.
 */
export async function shortenLeasesOfTheFuture(sql: ISql): Promise<number> {
  const shorten = () => sql`
    with beyond as (
      select l.slab_id, l.held_until - coalesce(l.began_at, l.leased_at) as hold
      from slabmend.leases l
      where l.held_until > coalesce(l.began_at, l.leased_at)
        and l.expires_at > clock_timestamp() + (l.held_until - coalesce(l.began_at, l.leased_at))
      order by l.slab_id
      for update skip locked
    )
    update slabmend.leases l set expires_at = clock_timestamp() + b.hold
    from beyond b where b.slab_id = l.slab_id`;
  return (await retryTransaction("shorten leases", async () => await shorten(), BRIEFLY)).count;
}
