/**
 * indexd's own writes for a migrated slab, step by step as in docs/protocol.md#persisting-a-result; the reference for
 * commit_repair. Writes one row at a time, and one row of `stats_deltas` per sector and statistic.
 */
import type { ISql } from "postgres";
import type { CommitMove } from "../../lib/database/leases/commit-repair.ts";

async function count(sql: ISql, deltas: Readonly<Record<string, number>>): Promise<void> {
  for (const [name, delta] of Object.entries(deltas)) {
    if (delta !== 0)
      await sql`insert into stats_deltas (stat_name, stat_delta) values (${`num_${name}`}, ${delta})`;
  }
}

const addUnpinned = (sql: ISql, hostId: number, delta: number) =>
  sql`update hosts set unpinned_sectors = unpinned_sectors + ${delta} where id = ${hostId}`;

export async function markSectorLost(
  sql: ISql,
  report: { readonly root: string; readonly hostId: number },
): Promise<void> {
  const [row] = await sql<{ id: string; pinned: boolean; counts: boolean }[]>`
    select s.id::text, s.contract_sectors_map_id is not null as pinned,
      (c.id is null or c.proof_height > (select scanned_height from global_settings)) as counts
    from sectors s
    left join contract_sectors_map m on m.id = s.contract_sectors_map_id
    left join contracts c on c.contract_id = m.contract_id
    where s.host_id = ${report.hostId} and s.sector_root = ${Buffer.from(report.root, "hex")}
    for update of s`;
  if (row === undefined) return;
  await sql`update sectors set host_id = null, contract_sectors_map_id = null where id = ${row.id}`;
  await sql`update hosts set lost_sectors = lost_sectors + ${row.counts ? 1 : 0} where id = ${report.hostId}`;
  if (!row.pinned) await addUnpinned(sql, report.hostId, -1);
  await count(sql, {
    pinned_sectors: row.pinned ? -1 : 0,
    unpinned_sectors: row.pinned ? 0 : -1,
    unpinnable_sectors: 1,
    sectors_lost: row.counts ? 1 : 0,
  });
}

export async function migrateSector(sql: ISql, move: CommitMove): Promise<void> {
  const root = Buffer.from(move.root, "hex");
  const [old] = await sql<{ host_id: number | null; pinned: boolean }[]>`
    select host_id, contract_sectors_map_id is not null as pinned from sectors where sector_root = ${root}
    for update`;
  if (old === undefined) return;
  await sql`
    update sectors set host_id = ${move.newHostId}, contract_sectors_map_id = null, consecutive_failed_checks = 0,
      num_migrated = num_migrated + 1, uploaded_at = now()
    where sector_root = ${root}`;
  if (old.pinned) await count(sql, { migrated_sectors: 1, pinned_sectors: -1, unpinned_sectors: 1 });
  else if (old.host_id !== null) await count(sql, { migrated_sectors: 1 });
  else await count(sql, { migrated_sectors: 1, unpinnable_sectors: -1, unpinned_sectors: 1 });
  if (old.host_id !== null && !old.pinned) await addUnpinned(sql, old.host_id, -1);
  await addUnpinned(sql, move.newHostId, 1);
}

/** After f failures another one makes the next attempt due in min(1 h x 2^f, 24 h). */
export async function markSlabRepaired(sql: ISql, slabId: bigint, success: boolean): Promise<void> {
  if (success) {
    await sql`update slabs set consecutive_failed_repairs = 0 where id = ${String(slabId)}`;
    return;
  }
  await sql`
    update slabs set consecutive_failed_repairs = consecutive_failed_repairs + 1,
      next_repair_attempt = now() + least(power(2, consecutive_failed_repairs) * interval '1 hour', interval '24 hours')
    where id = ${String(slabId)}`;
}
