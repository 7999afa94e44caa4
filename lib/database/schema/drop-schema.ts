import type { Sql } from "postgres";
import { assertNotMoving } from "./migrate-database.ts";

/** Waited for a worker that is in the middle of a commit, at most; indexd's tables are not locked as a whole. */
const LOCK_TIMEOUT_MS = 5_000;

/**
 * Gives leased slabs back to indexd and removes our schema, in one transaction: all or nothing. Bump the events in
 * `moved` before: what is still there goes with it.
 *
 * Locks: our tables whole and first, so that no claim, begin or commit comes in between; then the slabs whose
 * next_repair_attempt is still the one that we wrote.
 */
export async function dropSchema(sql: Sql): Promise<{ readonly slabsFreed: number }> {
  return await sql.begin(async (tx) => {
    await tx`select set_config('lock_timeout', ${`${LOCK_TIMEOUT_MS}ms`}, true)`;
    await assertNotMoving(tx);
    await tx`select slabmend.hold_indexd(array['slabs'])`;
    await tx`lock table slabmend.leases, slabmend.moved, slabmend.repairs in access exclusive mode`;
    const freed = await tx`
      update public.slabs s set next_repair_attempt = clock_timestamp()
      from slabmend.leases l
      where s.id = l.slab_id and s.next_repair_attempt = l.held_until`;
    await tx`drop schema slabmend cascade`;
    return { slabsFreed: freed.count };
  });
}
