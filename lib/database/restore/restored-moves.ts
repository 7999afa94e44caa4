/**
 * The archive's moves of sectors since the backup, kept during a restore. Only the archive's last row for a root
 * counts.
 */
import type { ISql } from "postgres";
import type { HostId, HostKey, Root } from "../../slab/ids.ts";
import { explainLost } from "../runs/maintenance-runs.ts";
import type { RestoreWriter } from "./restore-writes.ts";
import { type ScannedSector, type SectorRow, sectorOf } from "./scanned-sectors.ts";

/** The archive's last move of a sector; `hostKey` is null if the sector was lost. */
export interface RestoredMove {
  readonly root: Root;
  readonly digest: string;
  readonly hostKey: HostKey | null;
}

/**
 * Replaces earlier rows with the same roots.
 * @param moves each root once
 * @throws {RunError} `run-lease-lost`: nothing was written, because these moves may be older than those that the
 *   present coordinator has written
 */
export async function keepRestoredMoves(
  sql: ISql,
  { run, token }: Pick<RestoreWriter, "run" | "token">,
  moves: readonly RestoredMove[],
): Promise<void> {
  const roots = `{${moves.map(({ root }) => `"\\\\x${root}"`).join(",")}}`;
  const digests = `{${moves.map(({ digest }) => `"\\\\x${digest}"`).join(",")}}`;
  const hosts = `{${moves.map(({ hostKey }) => (hostKey === null ? "NULL" : `"\\\\x${hostKey}"`)).join(",")}}`;
  await sql`
    insert into slabmend.restored_moves (root, slab_digest, host_key)
    select m.*
    from slabmend.hold_run(${String(run)}::bigint, ${token}::uuid) held
    cross join unnest(${roots}::text::bytea[], ${digests}::text::bytea[], ${hosts}::text::bytea[]) m
    on conflict (root) do update set slab_digest = excluded.slab_digest, host_key = excluded.host_key`.catch(
    (cause: unknown) => {
      throw explainLost(cause, run);
    },
  );
}

/**
 * Time limit of a statement that processes all moves, or deletes them. A million moves take about four seconds if the
 * tables are in the database server's memory, and longer if they are read from a disk.
 */
export const ALL_MOVES_MS = 600_000;

export interface MoveCounts {
  readonly sectors: number;
  readonly slabsUnknown: number;
  readonly sectorsUnknown: number;
  /** Sectors of the database that the archive places on hosts that the database does not have. */
  readonly onUnknownHosts: number;
}

/** Counts the archive's moves, and those whose slab, sector or host is not in the database. */
export async function countRestoredMoves(sql: ISql): Promise<MoveCounts> {
  const [row] = await sql<
    { sectors: number; slabs_unknown: number; sectors_unknown: number; on_unknown_hosts: number }[]
  >`
    select count(*)::integer as sectors,
      (count(distinct m.slab_digest) filter (where s.id is null))::integer as slabs_unknown,
      (count(*) filter (where x.id is null))::integer as sectors_unknown,
      (count(*) filter (where x.id is not null and m.host_key is not null and h.id is null))::integer as on_unknown_hosts
    from slabmend.restored_moves m
    left join public.slabs s on s.digest = m.slab_digest
    left join public.sectors x on x.sector_root = m.root
    left join public.hosts h on h.public_key = m.host_key`;
  return {
    sectors: row!.sectors,
    slabsUnknown: row!.slabs_unknown,
    sectorsUnknown: row!.sectors_unknown,
    onUnknownHosts: row!.on_unknown_hosts,
  };
}

/**
 * Assigns moves that name an unknown slab to a known slab with the same sector, if there is one. A slab that is newer
 * than the backup is unknown; its repair may have moved a sector that it shares with a known slab.
 * @throws {RunError} `run-lease-lost`: nothing was written
 */
export async function assignSharedMoves(
  sql: ISql,
  { run, token }: Pick<RestoreWriter, "run" | "token">,
): Promise<void> {
  await sql`
    update slabmend.restored_moves m set slab_digest = known.digest
    from (
      select distinct on (r.root) r.root, s.digest
      from slabmend.restored_moves r
      join public.sectors x on x.sector_root = r.root
      join public.slab_sectors ss on ss.sector_id = x.id
      join public.slabs s on s.id = ss.slab_id
      where not exists (select from public.slabs n where n.digest = r.slab_digest)
      order by r.root, s.id
    ) known, slabmend.hold_run(${String(run)}::bigint, ${token}::uuid) held
    where m.root = known.root`.catch((cause: unknown) => {
    throw explainLost(cause, run);
  });
}

/** A sector that, according to the archive, moved or was lost after the backup. */
export interface NamedSector extends ScannedSector {
  /**
   * The sector's host according to the archive; null: according to the archive the sector was lost, or this host is not
   * in the database.
   */
  readonly archivedAt: HostId | null;
  /** According to the archive, the sector was lost and not stored again. */
  readonly wasLost: boolean;
}

/**
 * The sectors that the archive names in the next slabs, in order of the slabs' ids: at most `slabs` slabs, each with at
 * least one such sector.
 */
export async function readNamedSectors(
  sql: ISql,
  page: { readonly after: string; readonly slabs: number },
): Promise<readonly NamedSector[]> {
  const rows = await sql<(SectorRow & { archived: HostId | null; was_lost: boolean })[]>`
    with next as (
      select s.id, s.digest from public.slabs s
      where s.id > ${page.after}::bigint and exists (select from slabmend.restored_moves m where m.slab_digest = s.digest)
      order by s.id limit ${page.slabs}
    )
    select n.id::text as slab, ss.slab_index as index, encode(x.sector_root, 'hex') as root, x.id::text as sector,
      x.host_id as recorded, h.id as archived, m.host_key is null as was_lost
    from next n
    join public.slab_sectors ss on ss.slab_id = n.id
    join public.sectors x on x.id = ss.sector_id
    join slabmend.restored_moves m on m.root = x.sector_root
    left join public.hosts h on h.public_key = m.host_key
    order by n.id, ss.slab_index`;
  return rows.map((row) => ({ ...sectorOf(row), archivedAt: row.archived, wasLost: row.was_lost }));
}
