import type { ISql } from "postgres";
import type { SectorId, SlabId } from "../../slab/ids.ts";
import { parseSlabId } from "../../slab/ids.ts";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";

/** A row of `slabmend.backlog`. Times are the database's, in milliseconds of the epoch. */
export interface BacklogEntry {
  readonly slabId: SlabId;
  readonly urgency: number;
  readonly loss: number;
  readonly margin: number;
  readonly causes: Readonly<Record<string, number>>;
  readonly sinceMs: Readonly<Record<string, number>>;
  readonly badSectors: readonly SectorId[];
  readonly firstSeenMs: number;
  readonly waitingSinceMs: number;
  /** It may be leased now: it has a row of `slabmend.ready_slabs` until it is. */
  readonly ready: boolean;
  /** When to look at it again, unless it is ready. */
  readonly lookAtMs: number;
}

/** Where a cause's walk stands. */
export interface WalkState {
  readonly cause: string;
  readonly generation: bigint;
  readonly phase: "sectors" | "healing";
  /** Sectors up to this id are done; in healing, slabs. */
  readonly position: bigint;
  /** Of the sector behind the position, slabs up to this id are done. */
  readonly slabPosition: bigint;
  /** Since the pass began, by the database's clock; negative after a jump back. */
  readonly passAgeMs: number;
  /** False until the first pass is complete. */
  readonly finishedOnce: boolean;
}

/** The walks of these causes; a cause that is new starts at the beginning of its first pass. */
export async function readWalks(sql: ISql, causes: readonly string[]): Promise<readonly WalkState[]> {
  const read = () => sql<
    {
      cause: string;
      generation: string;
      phase: WalkState["phase"];
      position: string;
      slab_position: string;
      age: number;
      finished: boolean;
    }[]
  >`
    with wanted as (
      select jsonb_array_elements_text(${JSON.stringify(causes)}::text::jsonb) as cause
    ), added as (
      insert into slabmend.walks (cause, pass_started_at)
      select w.cause, clock_timestamp() from wanted w
      where not exists (select from slabmend.walks k where k.cause = w.cause)
      on conflict (cause) do nothing
      returning *
    )
    select k.cause, k.generation::text, k.phase, k.position::text, k.slab_position::text, k.finished_at is not null as finished,
      (extract(epoch from clock_timestamp() - k.pass_started_at) * 1000)::double precision as age
    from (select * from slabmend.walks union all select * from added) k
    join wanted w on w.cause = k.cause
    order by k.cause`;
  const rows = await retryTransaction("read walks", async () => await read(), BRIEFLY);
  return rows.map((row) => ({
    cause: row.cause,
    generation: BigInt(row.generation),
    phase: row.phase,
    position: BigInt(row.position),
    slabPosition: BigInt(row.slab_position),
    passAgeMs: row.age,
    finishedOnce: row.finished,
  }));
}

/** What a step of a walk does to where it stands, if it still stands where the step began. */
export interface WalkAdvance {
  readonly from: Pick<WalkState, "cause" | "generation" | "phase" | "position" | "slabPosition">;
  readonly to: Pick<WalkState, "phase" | "position" | "slabPosition"> | "pass-finished";
}

export interface BacklogChanges {
  readonly entries: readonly BacklogEntry[];
  readonly removed: readonly SlabId[];
  /** By slab id, `look_at` as the snapshot had it by which the entries were judged, exactly; null: it had no such row; undefined: not known. */
  readonly seenLookAts?: Readonly<Record<string, string | null | undefined>>;
  /** Slabs that the walk of this cause saw in this pass. */
  readonly sighted?: {
    readonly cause: string;
    readonly generation: bigint;
    readonly slabIds: readonly SlabId[];
  };
  /** Slabs that the walk of this cause saw in an earlier pass, but not in this one. */
  readonly unsighted?: {
    readonly cause: string;
    readonly generation: bigint;
    readonly slabIds: readonly SlabId[];
  };
  /** Slabs that cannot be judged now: looked at again after so long, if their time to be looked at has come. */
  readonly postponed?: { readonly slabIds: readonly SlabId[]; readonly delayMs: number };
  readonly advance?: WalkAdvance;
}

/**
 * Writes what was judged, and how far the walk has come, in one statement: after a crash all of it is there, or none and the
 * page is walked again. Returns whether the walk advanced; another walker may have been here first, and then both wrote
 * the same.
 *
 * Tables of ours only. Locks ready_slabs by ascending slab id, then backlog, then sightings, then the walk.
 */
export async function recordBacklog(sql: ISql, changes: BacklogChanges): Promise<boolean> {
  const { advance } = changes;
  const encoded = JSON.stringify(
    {
      entries: changes.entries.toSorted((a, b) => (a.slabId < b.slabId ? -1 : 1)),
      removed: changes.removed,
      seenLookAts: changes.seenLookAts ?? {},
      postponed: changes.postponed ?? null,
      sighted: changes.sighted ?? null,
      unsighted: changes.unsighted ?? null,
      advance:
        advance === undefined
          ? null
          : {
              ...advance.from,
              finish: advance.to === "pass-finished",
              ...(advance.to === "pass-finished"
                ? {}
                : {
                    toPhase: advance.to.phase,
                    toPosition: advance.to.position,
                    toSlabPosition: advance.to.slabPosition,
                  }),
            },
    },
    (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value),
  );
  const [row] = await sql<{ advanced: boolean }[]>`
    select slabmend.record_backlog(${encoded}::text::jsonb) as advanced`;
  return row!.advanced;
}

/** Slabs that are not ready and whose time to be looked at has come, longest ago first: by backlog_look_at_idx. */
export async function listSlabsToLookAt(sql: ISql, limit: number): Promise<readonly SlabId[]> {
  const rows = await sql<{ slab_id: string }[]>`
    select b.slab_id::text from slabmend.backlog b
    where not b.ready and b.look_at <= (select clock_timestamp())
    order by b.look_at
    limit ${limit}::integer`;
  return rows.map((row) => parseSlabId(row.slab_id));
}

/** A page of what a cause's walk has seen, by slab id: which of it this pass has not. */
export async function readUnsighted(
  sql: ISql,
  request: {
    readonly cause: string;
    readonly generation: bigint;
    readonly position: bigint;
    readonly limit: number;
  },
): Promise<{ readonly slabIds: readonly SlabId[]; readonly next: bigint }> {
  // The page ends at the limit-th sighting that was missed, or after ten times as many that were not.
  const [row] = await sql<{ read: number; last: string | null; slab_ids: string[] }[]>`
    with page as (
      select g.slab_id, g.generation from slabmend.sightings g
      where g.cause = ${request.cause} and g.slab_id > ${String(request.position)}::bigint
      order by g.slab_id limit ${request.limit * 10}::integer
    ), missed as (
      select p.slab_id from page p where p.generation < ${String(request.generation)}::bigint
      order by p.slab_id limit ${request.limit}::integer
    )
    select (select count(*) from page)::integer as read,
      case when (select count(*) from missed) = ${request.limit}::integer then (select max(m.slab_id) from missed m)
        when (select count(*) from page) = ${request.limit * 10}::integer then (select max(p.slab_id) from page p)
      end::text as last,
      (select coalesce(jsonb_agg(m.slab_id::text), '[]') from missed m) as slab_ids`;
  return { slabIds: row!.slab_ids.map(parseSlabId), next: BigInt(row!.last ?? 0) };
}
