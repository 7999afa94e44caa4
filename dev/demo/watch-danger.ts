/** Measures how long slabs stay close to loss, and whether they are leased before others. */
import type { ISql } from "postgres";
import type { SlabId } from "../../lib/slab/ids.ts";
import { parseSlabId } from "../../lib/slab/ids.ts";

/** A slab is close to loss if its margin (docs/glossary.md) is at most this. */
export const NEAR_MARGIN = 2;

export interface SlabMargin {
  readonly slabId: SlabId;
  readonly margin: number;
  /** When a commit last moved sectors of the slab; undefined: no commit has moved a sector of the slab yet. */
  readonly movedAtMs: number | undefined;
}

/** A reading of all margins. All times are from the database's clock. */
export interface DangerReading {
  readonly nowMs: number;
  readonly slabs: readonly SlabMargin[];
}

/** The margin of every slab, computed as in claim. */
export async function readDanger(sql: ISql): Promise<DangerReading> {
  const [row] = await sql<
    { now_ms: number; slabs: { id: string; margin: number; movedAtMs: number | null }[] }[]
  >`
    select extract(epoch from clock_timestamp())::float8 * 1000 as now_ms, coalesce(jsonb_agg(jsonb_build_object(
      'id', s.id::text,
      'margin', live.sectors - coalesce(jsonb_array_length(r.bad_shards), 0) - s.min_shards,
      'movedAtMs', (select extract(epoch from max(j.finished_at)) * 1000 from slabmend.journal j
        where j.slab_id = s.id and j.moves <> '[]')) order by s.id), '[]') as slabs
    from slabs s
    left join slabmend.repairs r on r.slab_id = s.id
    cross join lateral (
      select count(*) as sectors
      from slab_sectors ss
      join sectors x on x.id = ss.sector_id
      join slabmend.host_states() h on h.host_id = x.host_id and h.good
      where ss.slab_id = s.id
    ) live`;
  return {
    nowMs: row!.now_ms,
    slabs: row!.slabs.map(({ id, margin, movedAtMs }) => ({
      slabId: parseSlabId(id),
      margin,
      movedAtMs: movedAtMs ?? undefined,
    })),
  };
}

export interface DangerWatch {
  /** Slabs that were close to loss in the first reading. */
  readonly nearAtStart: ReadonlySet<SlabId>;
  see(reading: DangerReading): void;
  /**
   * Time from the first reading until no slab was close to loss; undefined if no slab ever was close to loss, or if
   * some slabs still are. The time ends at the commit after which the last of these slabs was no longer close to
   * loss. If the journal does not have this commit, the time ends at the first reading in which no slab was close to
   * loss.
   */
  readonly msUntilNoneNear: number | undefined;
}

export function createDangerWatch(first: DangerReading): DangerWatch {
  const nearOf = ({ slabs }: DangerReading): Set<SlabId> =>
    new Set(slabs.filter(({ margin }) => margin <= NEAR_MARGIN).map(({ slabId }) => slabId));
  const nearAtStart = nearOf(first);
  let near = nearAtStart;
  let last = first;
  let safeAtMs: number | undefined;
  return {
    nearAtStart,
    see(reading) {
      const now = nearOf(reading);
      for (const slabId of near) {
        if (now.has(slabId)) continue;
        const movedAtMs = reading.slabs.find((slab) => slab.slabId === slabId)?.movedAtMs ?? 0;
        safeAtMs = Math.max(safeAtMs ?? 0, movedAtMs > last.nowMs ? movedAtMs : reading.nowMs);
      }
      near = now;
      last = reading;
    },
    get msUntilNoneNear() {
      return near.size > 0 || safeAtMs === undefined ? undefined : safeAtMs - first.nowMs;
    },
  };
}

/** A slab's first lease. */
export interface FirstLease {
  readonly slabId: SlabId;
  readonly leasedAtMs: number;
}

/** Reads when each slab was first leased, from finished and running repairs. */
export async function readFirstLeases(sql: ISql): Promise<FirstLease[]> {
  const rows = await sql<{ slab_id: string; leased_at: number }[]>`
    select slab_id::text, extract(epoch from min(leased_at))::float8 * 1000 as leased_at
    from (
      select slab_id, leased_at from slabmend.journal union all select slab_id, leased_at from slabmend.leases
    ) l group by slab_id`;
  return rows.map(({ slab_id, leased_at }) => ({ slabId: parseSlabId(slab_id), leasedAtMs: leased_at }));
}

/**
 * How many other slabs were leased before the last of the slabs close to loss; 0 if the slabs close to loss were leased
 * first. Leases of one batch count as simultaneous.
 */
export function countLeasedBefore(near: ReadonlySet<SlabId>, leases: readonly FirstLease[]): number {
  const lastNearMs = Math.max(
    ...leases.filter(({ slabId }) => near.has(slabId)).map(({ leasedAtMs }) => leasedAtMs),
  );
  return leases.filter(({ slabId, leasedAtMs }) => !near.has(slabId) && leasedAtMs < lastNearMs).length;
}
