import type { ISql } from "postgres";
import {
  type ContractId,
  type ContractMapId,
  type HostId,
  idBytes,
  parseContractId,
  parseRoot,
  parseSlabDigest,
  parseSlabId,
  type SectorId,
  type SlabDigest,
  type SlabId,
} from "../../slab/ids.ts";
import { MAX_SHARDS } from "../../slab/sizes.ts";
import type { Slab, SlabSector } from "../../slab/slab.ts";
import { IndexdError } from "./errors.ts";

const ENCRYPTION_KEY_BYTES = 32;

/**
 * For each sector, the hosts of at most this many other slabs with the same sector are read. A client may pin the same
 * sectors in thousands of slabs (each permutation is another slab), and reading all of them would exceed the
 * statement's time limit. If one of the slabs that are not read has a sector on a move's new host, the commit notices
 * this and drops the move.
 */
const MOST_NEIGHBOURS = 200;

interface SlabRow {
  readonly id: string;
  readonly digest: string;
  readonly version: number;
  readonly min_shards: number;
  readonly encryption_key: Uint8Array;
  readonly consecutive_failed_repairs: number;
  readonly sectors: readonly SectorRow[];
}

interface SectorRow {
  readonly index: number;
  readonly sectorId: string;
  readonly root: string;
  readonly hostId: number | null;
  readonly contractMapId: number | null;
  readonly contractId: string | null;
  readonly denials: number;
  readonly earlierHostIds: readonly number[];
  readonly neighbourHostIds: readonly number[];
}

/** @throws IndexdError `malformed-row` for a slab that indexd would not have pinned and that cannot be repaired */
export async function readSlab(sql: ISql, slabId: SlabId): Promise<Slab | undefined> {
  return readSlabWhere(sql, sql`s.id = ${String(slabId)}`);
}

/** Like {@link readSlab}, but finds the slab by its digest, which indexd's API calls the slab id. */
export async function readSlabByDigest(sql: ISql, digest: SlabDigest): Promise<Slab | undefined> {
  return readSlabWhere(sql, sql`s.digest = ${idBytes(digest)}`);
}

/**
 * Reads in one statement, so in one snapshot, without locks. Needs slabmend's schema, which holds the denials. Reads
 * slabs by primary key or by the unique digest, slab_sectors by (slab_id, slab_index) and by (sector_id, slab_id),
 * sectors and contract_sectors_map by id. Reads one sector more than a slab may have, to detect a slab with too many.
 */
async function readSlabWhere(sql: ISql, where: ReturnType<ISql>): Promise<Slab | undefined> {
  const [row] = await sql<SlabRow[]>`
    select
      s.id::text,
      encode(s.digest, 'hex') as digest,
      s.version,
      s.min_shards,
      s.encryption_key,
      s.consecutive_failed_repairs,
      (
        select coalesce(json_agg(x order by x."index"), '[]') from (
          select
            ss.slab_index as "index",
            sec.id::text as "sectorId",
            encode(sec.sector_root, 'hex') as root,
            sec.host_id as "hostId",
            sec.contract_sectors_map_id as "contractMapId",
            encode(map.contract_id, 'hex') as "contractId",
            coalesce(
              (select d.denials from slabmend.open_denials() d where d.sector_id = ss.sector_id), 0
            ) as denials,
            array(
              select d.host_id from slabmend.denials d
              where d.sector_id = ss.sector_id and d.host_id is distinct from sec.host_id
              order by d.last_denied_at desc, d.host_id
            ) as "earlierHostIds",
            array(
              select distinct other.host_id
              from (
                select slab_id from public.slab_sectors
                where sector_id = ss.sector_id and slab_id <> ss.slab_id
                limit ${MOST_NEIGHBOURS}
              ) shared
              join public.slab_sectors beside on beside.slab_id = shared.slab_id
              join public.sectors other on other.id = beside.sector_id
              where beside.sector_id <> ss.sector_id and other.host_id is not null
              order by other.host_id
            ) as "neighbourHostIds"
          from public.slab_sectors ss
          join public.sectors sec on sec.id = ss.sector_id
          left join public.contract_sectors_map map on map.id = sec.contract_sectors_map_id
          where ss.slab_id = s.id
          order by ss.slab_index
          limit ${MAX_SHARDS + 1}
        ) x
      ) as sectors
    from public.slabs s
    where ${where}`;
  return row === undefined ? undefined : slabOf(row);
}

function slabOf(row: SlabRow): Slab {
  if (row.encryption_key.byteLength !== ENCRYPTION_KEY_BYTES) {
    throw malformed(
      row,
      `an encryption key of ${ENCRYPTION_KEY_BYTES} bytes`,
      `${row.encryption_key.byteLength} bytes`,
    );
  }
  if (row.sectors.length > MAX_SHARDS) throw malformed(row, `at most ${MAX_SHARDS} sectors`, "more");
  return {
    id: parseSlabId(row.id),
    digest: parseSlabDigest(row.digest),
    version: row.version,
    minShards: row.min_shards,
    encryptionKey: Uint8Array.from(row.encryption_key),
    consecutiveFailedRepairs: row.consecutive_failed_repairs,
    sectors: row.sectors.map((sector, position) => {
      // The index is the nonce of the shard's keystream: if indices had a gap, indexd's nonces and ours would differ.
      if (sector.index !== position) {
        throw malformed(row, `a sector with index ${position}`, `index ${sector.index}`);
      }
      return sectorOf(sector, row);
    }),
  };
}

function sectorOf(sector: SectorRow, slab: SlabRow): SlabSector {
  if (sector.root.length !== 64) {
    throw malformed(slab, `a root of 32 bytes at index ${sector.index}`, `${sector.root.length / 2} bytes`);
  }
  return {
    index: sector.index,
    sectorId: BigInt(sector.sectorId) as SectorId,
    root: parseRoot(sector.root),
    hostId: sector.hostId as HostId | null,
    contractMapId: sector.contractMapId as ContractMapId | null,
    contractId: sector.contractId === null ? null : (parseContractId(sector.contractId) as ContractId),
    denials: sector.denials,
    earlierHostIds: sector.earlierHostIds as readonly HostId[],
    neighbourHostIds: sector.neighbourHostIds as readonly HostId[],
  };
}

function malformed(slab: SlabRow, expected: string, got: string): IndexdError {
  return new IndexdError({
    code: "malformed-row",
    message: `slab ${slab.id}: expected ${expected}, got ${got}`,
    remedy:
      "indexd would not have pinned such a slab: inspect its rows, and delete the slab if it is no real data.",
    details: { slab: slab.id, digest: slab.digest },
  });
}
