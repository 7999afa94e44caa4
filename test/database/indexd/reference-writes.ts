/**
 * indexd's own writes after a repair, each as one simple function (docs/protocol.md#persisting-a-result): slow,
 * readable, without fencing. Tests run these functions on one database and our commit on a copy, and compare all rows
 * as {@link readWrittenRows} returns them.
 */
import type { ISql } from "postgres";
import { type HostKey, idBytes, type Root, type SlabDigest } from "../../../lib/slab/ids.ts";
import { INDEXD_PUBLISHES } from "../../support/indexd-version.ts";

/** indexd's `MigrateSector`. @returns false, with nothing written, when the sector or the host is gone */
export async function migrateSector(sql: ISql, root: Root, newHost: HostKey): Promise<boolean> {
  const [before] = await sql<{ host_id: number | null; map_id: number | null }[]>`
    select host_id, contract_sectors_map_id as map_id from sectors where sector_root = ${idBytes(root)} for update`;
  const [host] = await sql<{ id: number }[]>`select id from hosts where public_key = ${idBytes(newHost)}`;
  if (before === undefined || host === undefined) return false;
  await sql`
    update sectors set host_id = ${host.id}, contract_sectors_map_id = null, consecutive_failed_checks = 0,
      num_migrated = num_migrated + 1, uploaded_at = now()
    where sector_root = ${idBytes(root)}`;
  await addToStatistic(sql, "num_migrated_sectors", 1);
  if (before.map_id !== null) {
    await addToStatistic(sql, "num_pinned_sectors", -1);
    await addToStatistic(sql, "num_unpinned_sectors", 1);
  } else if (before.host_id !== null) {
    await addUnpinned(sql, before.host_id, -1);
  } else {
    await addToStatistic(sql, "num_unpinnable_sectors", -1);
    await addToStatistic(sql, "num_unpinned_sectors", 1);
  }
  await addUnpinned(sql, host.id, 1);
  return true;
}

/** indexd's `MarkSectorsLost`: marks those of the sectors that are still on this host. */
export async function markSectorsLost(sql: ISql, hostKey: HostKey, roots: readonly Root[]): Promise<void> {
  const [host] = await sql<{ id: number }[]>`select id from hosts where public_key = ${idBytes(hostKey)}`;
  if (host === undefined) throw new Error("the host is gone");
  let pinned = 0;
  let unpinned = 0;
  let countedAsLost = 0;
  for (const root of roots) {
    const [sector] = await sql<{ id: string; map_id: number | null; owed: boolean | null }[]>`
      select s.id::text, s.contract_sectors_map_id as map_id,
        (select c.proof_height > g.scanned_height
          from contract_sectors_map m join contracts c on c.contract_id = m.contract_id, global_settings g
          where m.id = s.contract_sectors_map_id) as owed
      from sectors s where s.sector_root = ${idBytes(root)} and s.host_id = ${host.id} for update`;
    if (sector === undefined) continue;
    if (sector.map_id === null) unpinned++;
    else pinned++;
    // After a contract's proof height the host may have fulfilled the contract, so the loss is not counted.
    if (sector.owed !== false) countedAsLost++;
    // consecutive_failed_checks stays as it is.
    await sql`update sectors set host_id = null, contract_sectors_map_id = null where id = ${sector.id}`;
  }
  if (pinned + unpinned === 0) return;
  await sql`update hosts set lost_sectors = lost_sectors + ${countedAsLost} where id = ${host.id}`;
  await addToStatistic(sql, "num_pinned_sectors", -pinned);
  await addToStatistic(sql, "num_unpinned_sectors", -unpinned);
  await addToStatistic(sql, "num_unpinnable_sectors", pinned + unpinned);
  await addToStatistic(sql, "num_sectors_lost", countedAsLost);
  await addUnpinned(sql, host.id, -unpinned);
}

/** indexd's `RecordSlabMigrated`: every event of every object key that references the slab, of all accounts. */
export async function recordSlabMigrated(sql: ISql, digest: SlabDigest): Promise<void> {
  await sql`
    update object_events set updated_at = case when ${INDEXD_PUBLISHES} then null else date_trunc('second', now()) end
    where object_key in (
      select o.object_key from object_slabs os join objects o on o.id = os.object_id
      where os.slab_digest = ${idBytes(digest)}
    )`;
}

/** indexd's `MarkSlabRepaired`. @returns false when the slab is gone */
export async function markSlabRepaired(sql: ISql, digest: SlabDigest, success: boolean): Promise<boolean> {
  const [slab] = await sql<{ id: string; failed: number }[]>`
    select id::text, consecutive_failed_repairs as failed from slabs where digest = ${idBytes(digest)} for update`;
  if (slab === undefined) return false;
  if (success) {
    await sql`update slabs set consecutive_failed_repairs = 0 where id = ${slab.id}`;
    return true;
  }
  // indexd shifts by any number of failures, which overflows at 22; here 5 or more failures always give 24 hours.
  const hours = Math.min(2 ** Math.min(slab.failed, 5), 24);
  await sql`
    update slabs set consecutive_failed_repairs = ${slab.failed + 1},
      next_repair_attempt = now() + make_interval(hours => ${hours})
    where id = ${slab.id}`;
  return true;
}

async function addToStatistic(sql: ISql, name: string, delta: number): Promise<void> {
  if (delta === 0) return;
  await sql`insert into stats_deltas (stat_name, stat_delta) values (${name}, ${delta})`;
}

async function addUnpinned(sql: ISql, hostId: number, delta: number): Promise<void> {
  await sql`update hosts set unpinned_sectors = unpinned_sectors + ${delta} where id = ${hostId}`;
}

/** All columns of the rows in indexd's tables that a repair may write, with comparable times. */
export interface WrittenRows {
  readonly sectors: readonly Record<string, unknown>[];
  readonly hosts: readonly Record<string, unknown>[];
  readonly slabs: readonly Record<string, unknown>[];
  readonly objectEvents: readonly Record<string, unknown>[];
  /** For each statistic the sum of its deltas, whatever the number of rows; sums of zero are left out. */
  readonly statistics: Readonly<Record<string, bigint>>;
}

/**
 * Reads the rows in such a form that two databases give the same result if their seeds and the writes to them are
 * equal. A time after `startedAt` becomes `now`, other times keep their value, and the next repair attempt is given in
 * minutes after `startedAt`. The seeds are equal if one database is a copy of the other (`create database … template
 * …`), or if both writers are transactions on the same rows.
 */
export async function readWrittenRows(sql: ISql, startedAt: Date): Promise<WrittenRows> {
  const rows = async (query: string): Promise<Record<string, unknown>[]> =>
    (await sql.unsafe<{ row: Record<string, unknown> }[]>(query, [startedAt.toISOString()])).map(
      ({ row }) => row,
    );
  const recent = (column: string): string =>
    `case when ${column} >= date_trunc('second', $1::text::timestamptz) then 'now' else ${column}::text end`;
  const statistics = await sql<{ stat_name: string; delta: string }[]>`
    select stat_name, sum(stat_delta)::text as delta from stats_deltas
    group by stat_name having sum(stat_delta) <> 0 order by stat_name`;
  return {
    sectors: await rows(
      `select to_jsonb(s) || jsonb_build_object('uploaded_at', ${recent("s.uploaded_at")}) as row from sectors s order by id`,
    ),
    hosts: await rows(`select to_jsonb(h) as row from hosts h where $1::text is not null order by id`),
    slabs: await rows(
      `select to_jsonb(s) || jsonb_build_object('next_repair_attempt',
         round(extract(epoch from s.next_repair_attempt - $1::text::timestamptz) / 60)) as row from slabs s order by id`,
    ),
    objectEvents: await rows(
      `select to_jsonb(e) || jsonb_build_object('updated_at', ${recent("e.updated_at")}) as row
       from object_events e order by account_id, object_key`,
    ),
    statistics: Object.fromEntries(statistics.map(({ stat_name, delta }) => [stat_name, BigInt(delta)])),
  };
}
