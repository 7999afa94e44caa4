import type { ISql } from "postgres";
import { type HostId, parseSlabId, type SlabId } from "../../slab/ids.ts";
import { pastTime } from "../client/past-time.ts";

/**
 * A slab in one snapshot: lib/database/backlog/slab-health.sql. Times of past events are never later than the snapshot.
 */
export interface SlabHealth {
  readonly slabId: SlabId;
  /** False: the slab is gone; only `known` is meaningful. */
  readonly there: boolean;
  readonly minShards: number;
  /** From when the slab may be leased, if nothing changes until then. */
  readonly freeAtMs: number;
  /** Like `freeAtMs`, for an endangered slab: it need not wait out our hold after a successful repair. */
  readonly endangeredFreeAtMs: number;
  readonly leased: boolean;
  /** The slab is queued for deletion, and no account and no object refers to it. */
  readonly dying: boolean;
  /** indexd has marked the slab as unrecoverable, and we cannot rescue it either. */
  readonly givenUp: boolean;
  /** When the slab's last repair ended, with any outcome; undefined: no repair, or its record was removed. */
  readonly attemptedAtMs: number | undefined;
  /** The host of each sector that is neither bad nor wrongly pinned. */
  readonly good: readonly HostId[];
  readonly bad: readonly BadSector[];
  /** The slab's entry in the backlog. */
  readonly known: KnownEntry | undefined;
}

export interface KnownEntry {
  /** Changes with every write of the entry; opaque, only to be passed back to the database. */
  readonly version: string;
  readonly waitingSinceMs: number;
  readonly since: Readonly<Record<string, number>>;
}

export interface BadSector {
  /** Null: the sector is lost, denied or pinned wrongly, so it is no source. */
  readonly hostId: HostId | null;
  readonly cause: string;
  /**
   * The sector was denied by a suspected host, which may have lost its index only for a while: the sector's repair may
   * wait.
   */
  readonly isSuspected: boolean;
}

export interface SlabHealthRow {
  readonly slabId: string;
  readonly there: boolean;
  readonly minShards?: number;
  readonly freeAtMs?: number;
  readonly endangeredFreeAtMs?: number;
  readonly leased?: boolean;
  readonly dying?: boolean;
  readonly givenUp?: boolean;
  readonly attemptedAtMs?: number | null;
  readonly good?: number[];
  readonly bad?: [number | null, string, boolean][];
  readonly known?: (Pick<KnownEntry, "version"> & Partial<KnownEntry>) | null;
}

function slabHealthOf(row: SlabHealthRow, nowMs: number): SlabHealth {
  return {
    slabId: parseSlabId(row.slabId),
    there: row.there,
    minShards: row.minShards ?? 0,
    freeAtMs: row.freeAtMs ?? 0,
    endangeredFreeAtMs: row.endangeredFreeAtMs ?? 0,
    leased: row.leased ?? false,
    dying: row.dying ?? false,
    givenUp: row.givenUp ?? false,
    attemptedAtMs: row.attemptedAtMs == null ? undefined : pastTime(row.attemptedAtMs, nowMs),
    good: (row.good ?? []) as HostId[],
    bad: (row.bad ?? []).map(([hostId, cause, isSuspected]) => ({
      hostId: hostId as HostId | null,
      cause,
      isSuspected,
    })),
    known: row.known == null ? undefined : knownEntryOf(row.known, nowMs),
  };
}

function knownEntryOf(known: NonNullable<SlabHealthRow["known"]>, nowMs: number): KnownEntry {
  const { version, waitingSinceMs = nowMs, since = {} } = known;
  return {
    version,
    waitingSinceMs,
    since: Object.fromEntries(Object.entries(since).map(([cause, ms]) => [cause, pastTime(ms, nowMs)])),
  };
}

/** Reads the health of these slabs in one snapshot, with the database's time; pass at most about 500 ids. */
export async function readSlabHealth(
  sql: ISql,
  slabIds: readonly SlabId[],
  graceMs: number,
): Promise<{ readonly nowMs: number; readonly slabs: readonly SlabHealth[] }> {
  const [row] = await sql<{ slabs: SlabHealthRow[]; now_ms: number }[]>`
    select slabmend.slab_health(array(select jsonb_array_elements_text(${JSON.stringify(slabIds.map(String))}::text::jsonb))::bigint[],
        make_interval(secs => ${graceMs}::double precision / 1000)) as slabs,
      (extract(epoch from clock_timestamp()) * 1000)::double precision as now_ms`;
  return { nowMs: row!.now_ms, slabs: row!.slabs.map((slab) => slabHealthOf(slab, row!.now_ms)) };
}

export interface WalkPage {
  /** How many bad sectors this page completes: no later page has slabs of these sectors. */
  readonly sectors: number;
  /** Where the next page starts; undefined: there is no further page. */
  readonly next: WalkPosition | undefined;
  /** Empty if health was not requested. */
  readonly slabs: readonly SlabHealth[];
  readonly slabIds: readonly SlabId[];
  readonly nowMs: number;
}

/**
 * Sectors up to the id `sector` are done. The next sector may be done in part: its slabs up to the id `slab` are done.
 */
export interface WalkPosition {
  readonly sector: bigint;
  readonly slab: bigint;
}

export interface WalkPageRequest {
  readonly cause: string;
  readonly pass: bigint;
  readonly from: WalkPosition;
  readonly pageSectors: number;
  /** The page has at most this many slabs; slabs that this pass has already seen are not in it. */
  readonly maxSlabs: number;
  readonly graceMs: number;
  /** False: only slab ids are read. */
  readonly judged: boolean;
}

/** One page of one cause's walk; read only: lib/database/backlog/walk-page.sql. */
export async function readWalkPage(
  sql: ISql,
  { from, pass, ...request }: WalkPageRequest,
): Promise<WalkPage> {
  const encoded = JSON.stringify({
    ...request,
    pass: String(pass),
    position: String(from.sector),
    slabPosition: String(from.slab),
  });
  const [row] = await sql<
    {
      page: {
        sectors: number;
        next: string;
        nextSlab: string;
        slabs: SlabHealthRow[];
        slabIds: string[];
        nowMs: number;
      };
    }[]
  >`select slabmend.walk_page(${encoded}::text::jsonb) as page`;
  const { page } = row!;
  const next = { sector: BigInt(page.next), slab: BigInt(page.nextSlab) };
  return {
    sectors: page.sectors,
    next: next.sector === 0n && next.slab === 0n ? undefined : next,
    slabs: page.slabs.map((slab) => slabHealthOf(slab, page.nowMs)),
    slabIds: page.slabIds.map(parseSlabId),
    nowMs: page.nowMs,
  };
}

/** Every host with its announced addresses: about a thousand short rows. */
export async function readHostAddresses(
  sql: ISql,
): Promise<readonly { readonly id: HostId; readonly addresses: readonly string[] }[]> {
  const rows = await sql<{ id: number; addresses: string[] }[]>`
    select a.host_id as id, jsonb_agg(a.net_address order by a.id) as addresses
    from public.host_addresses a group by a.host_id order by a.host_id`;
  return rows.map((row) => ({ id: row.id as HostId, addresses: row.addresses }));
}
