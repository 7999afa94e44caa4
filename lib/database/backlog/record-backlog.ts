import type { ISql } from "postgres";
import type { SlabId } from "../../slab/ids.ts";
import { parseSlabId } from "../../slab/ids.ts";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";

/** A row of `slabmend.backlog`. Times are the database's, in milliseconds since the epoch. */
export interface BacklogEntry {
  readonly slabId: SlabId;
  readonly urgency: number;
  readonly loss: number;
  readonly margin: number;
  readonly causes: Readonly<Record<string, number>>;
  readonly sinceMs: Readonly<Record<string, number>>;
  readonly waitingSinceMs: number;
  /** The slab may be leased now. */
  readonly ready: boolean;
  /** When to judge the slab again; ignored while the slab is ready. */
  readonly lookAtMs: number;
}

/** The position of one cause's walk: lib/jobs/backlog/walk.ts. */
export interface WalkState {
  readonly cause: string;
  readonly pass: bigint;
  readonly phase: "mark" | "sweep";
  /** Sectors up to this id are done; during a sweep, slabs up to this id. */
  readonly position: bigint;
  /** The sector after `position` may be done in part: its slabs up to this id are done. */
  readonly slabPosition: bigint;
  /** Time since the pass began, by the database's clock. */
  readonly passAgeMs: number;
  /** False until the first pass is complete. */
  readonly finishedOnce: boolean;
}

/** The walks of these causes; a new cause starts its first pass. */
export async function readWalks(sql: ISql, causes: readonly string[]): Promise<readonly WalkState[]> {
  const read = () => sql<
    {
      cause: string;
      pass: string;
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
    select k.cause, k.pass::text, k.phase, k.position::text, k.slab_position::text, k.finished_at is not null as finished,
      -- A start in the future (the clock was set back since) counts as long ago.
      abs(extract(epoch from clock_timestamp() - k.pass_started_at) * 1000)::double precision as age
    from (select * from slabmend.walks union all select * from added) k
    join wanted w on w.cause = k.cause
    order by k.cause`;
  const rows = await retryTransaction("read walks", async () => await read(), BRIEFLY);
  return rows.map((row) => ({
    cause: row.cause,
    pass: BigInt(row.pass),
    phase: row.phase,
    position: BigInt(row.position),
    slabPosition: BigInt(row.slab_position),
    passAgeMs: row.age,
    finishedOnce: row.finished,
  }));
}

type WalkPlace = Pick<WalkState, "phase" | "position" | "slabPosition">;

/** What one step of a cause's walk writes in addition to the judged entries. */
export interface WalkStepChanges {
  readonly cause: string;
  readonly pass: bigint;
  /** Slabs seen in this pass. */
  readonly marked: readonly SlabId[];
  /** Slabs judged again because an earlier pass marked them and this one has not seen them. */
  readonly swept: readonly SlabId[];
  /** The walk's position before the step (`from`) and after it (`to`). */
  readonly from: WalkPlace;
  readonly to: WalkPlace | "pass-finished";
}

export interface BacklogChanges {
  readonly entries: readonly BacklogEntry[];
  readonly removed: readonly SlabId[];
  /** Version of each judged slab's entry in the snapshot used for judging; null: the slab had no entry. */
  readonly versions: Readonly<Record<string, string | null>>;
  /** Slabs that cannot be judged now. Those whose entry is not ready are judged again after `delayMs`. */
  readonly postponed?: { readonly slabIds: readonly SlabId[]; readonly delayMs: number };
  readonly step?: WalkStepChanges;
}

/**
 * Writes the judged entries and the walk's position in one statement: after a crash either everything is stored, or
 * nothing is stored and the step is repeated. Returns whether the walk advanced; it does not if another walker was
 * faster.
 */
export async function recordBacklog(sql: ISql, { step, ...changes }: BacklogChanges): Promise<boolean> {
  const encoded = JSON.stringify(
    {
      ...changes,
      ...(step !== undefined && {
        cause: step.cause,
        pass: step.pass,
        marked: step.marked,
        swept: step.swept,
        advance: {
          ...step.from,
          finish: step.to === "pass-finished",
          ...(step.to !== "pass-finished" && {
            toPhase: step.to.phase,
            toPosition: step.to.position,
            toSlabPosition: step.to.slabPosition,
          }),
        },
      }),
    },
    (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value),
  );
  const [row] = await sql<{ advanced: boolean }[]>`
    select slabmend.record_backlog(${encoded}::text::jsonb) as advanced`;
  return row!.advanced;
}

/** Slabs due to be judged again, longest overdue first. Reads backlog_look_at_idx. */
export async function listSlabsToLookAt(sql: ISql, limit: number): Promise<readonly SlabId[]> {
  const rows = await sql<{ slab_id: string }[]>`
    select b.slab_id::text from slabmend.backlog b
    where not b.ready and b.look_at <= (select clock_timestamp())
    order by b.look_at
    limit ${limit}::integer`;
  return rows.map((row) => parseSlabId(row.slab_id));
}

/** The slabs of one page of a cause's marks, by ascending id, without those that this pass has already seen. */
export async function readUnmarked(
  sql: ISql,
  request: {
    readonly cause: string;
    readonly pass: bigint;
    readonly position: bigint;
    readonly limit: number;
  },
): Promise<{ readonly slabIds: readonly SlabId[]; readonly next: bigint }> {
  // The page ends at the limit-th slab that this pass has not seen, or after 10 × limit marks.
  const [row] = await sql<{ last: string | null; slab_ids: string[] }[]>`
    with page as (
      select m.slab_id, m.pass from slabmend.marks m
      where m.cause = ${request.cause} and m.slab_id > ${String(request.position)}::bigint
      order by m.slab_id limit ${request.limit * 10}::integer
    ), unmarked as (
      select p.slab_id from page p where p.pass < ${String(request.pass)}::bigint
      order by p.slab_id limit ${request.limit}::integer
    )
    select
      case when (select count(*) from unmarked) = ${request.limit}::integer then (select max(u.slab_id) from unmarked u)
        when (select count(*) from page) = ${request.limit * 10}::integer then (select max(p.slab_id) from page p)
      end::text as last,
      (select coalesce(jsonb_agg(u.slab_id::text), '[]') from unmarked u) as slab_ids`;
  return { slabIds: row!.slab_ids.map(parseSlabId), next: BigInt(row!.last ?? 0) };
}
