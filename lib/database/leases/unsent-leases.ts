import type { ISql } from "postgres";
import {
  type LeaseToken,
  parseLeaseToken,
  parseSlabDigest,
  parseSlabId,
  type SlabId,
} from "../../slab/ids.ts";
import type { LeasedSlab } from "../../slab/leased-slab.ts";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";

/**
 * Takes leases whose message was never confirmed as sent, oldest first: the caller sends these messages now. A lease
 * that another caller began to send less than `afterMs` ago is left to that caller.
 *
 * Takes leases only while the fleet is running. Locks the rows that it takes, `skip locked`, so two callers share the
 * work. Reads all of leases: one row per lease, and the fleet limits its leases.
 */
export async function takeUnsent(
  sql: ISql,
  options: { readonly afterMs: number; readonly limit: number },
): Promise<LeasedSlab[]> {
  // If the answer is lost, the same leases are taken again after `afterMs`.
  const take = () => sql<{ slab_id: string; digest: string; token: string }[]>`
    update slabmend.leases l set sending_since = clock_timestamp()
    where l.slab_id in (
      select u.slab_id from slabmend.leases u
      where u.sent_at is null and u.began_at is null
        and (select f.mode from slabmend.fleet f) = 'running'
        and u.sending_since <= clock_timestamp() - make_interval(secs => ${options.afterMs}::double precision / 1000)
      order by u.sending_since
      limit ${options.limit}::integer
      for update skip locked
    )
    returning l.slab_id::text, encode(l.digest, 'hex') as digest, l.token::text`;
  const rows = await retryTransaction("take unsent leases", async () => await take(), BRIEFLY);
  return rows.map((row) => ({
    slabId: parseSlabId(row.slab_id),
    digest: parseSlabDigest(row.digest),
    token: parseLeaseToken(row.token),
  }));
}

/**
 * Marks as sent those of the given leases that still have the same token and have not begun. Rows locked by another
 * transaction (a begin, a reap) are skipped: they do not need the mark, and waiting for several of them could deadlock.
 */
export async function markSent(
  sql: ISql,
  leases: readonly { readonly slabId: SlabId; readonly token: LeaseToken }[],
): Promise<void> {
  if (leases.length === 0) return;
  const sent = JSON.stringify(leases.map(({ slabId, token }) => ({ slab_id: String(slabId), token })));
  const mark = () => sql`
    update slabmend.leases l set sent_at = clock_timestamp()
    where l.slab_id in (
      select u.slab_id from slabmend.leases u
      join jsonb_to_recordset(${sent}::text::jsonb) as s (slab_id bigint, token uuid)
        on s.slab_id = u.slab_id and s.token = u.token
      where u.began_at is null
      order by u.slab_id
      for update of u skip locked
    )`;
  await retryTransaction("mark leases as sent", async () => await mark(), BRIEFLY);
}
