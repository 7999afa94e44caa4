import type { ISql } from "postgres";
import type { SlabId } from "../../slab/ids.ts";
import { ONLY_CONFLICTS, retryTransaction } from "../client/retry-transaction.ts";

export interface QuarantinedSlab {
  readonly slabId: string;
  readonly digest: string;
  readonly until: Date;
  readonly reason: string;
  readonly crashes: number;
}

/** The slabs whose quarantine ends soonest, and how many slabs are in quarantine. Reads repairs_quarantined_idx. */
export async function listQuarantine(
  sql: ISql,
  limit: number,
): Promise<{ readonly total: number; readonly slabs: readonly QuarantinedSlab[] }> {
  const rows = await sql<
    { slab_id: string; digest: string; until: Date; reason: string | null; crashes: number; total: number }[]
  >`
    select r.slab_id::text, encode(r.digest, 'hex') as digest, r.quarantined_until as until,
      r.quarantine_reason as reason, r.crashes, (count(*) over ())::integer as total
    from slabmend.repairs r
    where r.quarantined_until > (select clock_timestamp())
    order by r.quarantined_until, r.slab_id
    limit ${limit}::integer`;
  return {
    total: rows[0]?.total ?? 0,
    slabs: rows.map(({ slab_id: slabId, digest, until, reason, crashes }) => ({
      slabId,
      digest,
      until,
      reason: reason ?? "",
      crashes,
    })),
  };
}

/**
 * Ends the quarantine of the given slabs, or of all, and resets their crash counts: three new crashes, not one, put a
 * slab in quarantine again. Returns the ids of the slabs that were in quarantine.
 *
 * Writes only our own tables: repairs, then backlog, both by ascending slab id. indexd's next_repair_attempt needs no
 * change, because a quarantine does not set it.
 */
export async function releaseQuarantine(
  sql: ISql,
  slabIds: readonly SlabId[] | "all",
): Promise<readonly string[]> {
  const chosen = slabIds === "all" ? null : JSON.stringify(slabIds.map(String));
  // Not retried after a lost answer: if the slabs were released, a second attempt would find none in quarantine, and
  // report that nothing was released. The operator checks, and repeats the command if needed.
  const release = () => sql<{ released: string[] }[]>`
    with released as (
      update slabmend.repairs r
      set quarantined_until = null, quarantine_reason = null, crashes = 0
      where r.slab_id in (
        select q.slab_id from slabmend.repairs q
        where q.quarantined_until > (select clock_timestamp())
          and (${chosen}::text is null
            or q.slab_id in (select t::bigint from jsonb_array_elements_text(${chosen}::text::jsonb) t))
        order by q.slab_id
        for update
      )
      returning r.slab_id
    ), looked_at as (
      update slabmend.backlog b set look_at = clock_timestamp()
      where b.slab_id in (
        select k.slab_id from slabmend.backlog k
        where k.slab_id in (select r.slab_id from released r) and not k.ready
        order by k.slab_id
        for no key update
      )
    )
    select coalesce(jsonb_agg(r.slab_id::text order by r.slab_id), '[]') as released from released r`;
  const [row] = await retryTransaction("release quarantine", async () => await release(), ONLY_CONFLICTS);
  return row!.released;
}
