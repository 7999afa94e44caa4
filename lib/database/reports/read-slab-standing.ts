import type { ISql } from "postgres";
import type { SlabId } from "../../slab/ids.ts";
import { type ObjectsOfSlab, objectsOfDigest } from "./read-slabs.ts";

/** A slab's state in slabmend: its lease, its last repair, and the objects that use it. */
export interface SlabStanding {
  readonly nextAttempt: Date;
  /** slabmend wrote `nextAttempt`, so indexd has not claimed the slab since then. */
  readonly isOurs: boolean;
  readonly lease: {
    readonly leasedAt: Date;
    readonly sentAt: Date | null;
    readonly beganAt: Date | null;
    readonly expiresAt: Date;
    readonly worker: string | null;
    readonly throughQueue: boolean;
  } | null;
  readonly repair: {
    readonly outcome: string;
    readonly error: string | null;
    readonly endedAt: Date;
    readonly crashes: number;
    readonly setbacks: number;
    readonly quarantinedUntil: Date | null;
    readonly quarantineReason: string | null;
  } | null;
  readonly objects: ObjectsOfSlab;
}

const MOST_KEYS = 100;

/**
 * Reads by primary keys and object_slabs_slab_digest_idx in one statement, without locks. Undefined: there is no such
 * slab.
 */
export async function readSlabStanding(sql: ISql, slabId: SlabId): Promise<SlabStanding | undefined> {
  const [row] = await sql<
    {
      next_attempt: Date;
      ours: boolean;
      leased_at: Date | null;
      sent_at: Date | null;
      began_at: Date | null;
      expires_at: Date;
      worker: string | null;
      through_queue: boolean;
      last_outcome: string | null;
      last_error: string | null;
      finished_at: Date;
      crashes: number;
      setbacks: number;
      quarantined_until: Date | null;
      quarantine_reason: string | null;
      objects: ObjectsOfSlab;
    }[]
  >`
    select s.next_repair_attempt as next_attempt,
      coalesce(s.next_repair_attempt = r.next_repair_attempt, false)
        or coalesce(s.next_repair_attempt = l.held_until, false) as ours,
      l.leased_at, l.sent_at, l.began_at, l.expires_at, l.worker, l.through_queue,
      r.last_outcome, r.last_error, r.finished_at, r.crashes, r.setbacks,
      case when r.quarantined_until > clock_timestamp() then r.quarantined_until end as quarantined_until,
      r.quarantine_reason, o.objects
    from public.slabs s
    left join slabmend.repairs r on r.slab_id = s.id
    left join slabmend.leases l on l.slab_id = s.id
    cross join lateral (${objectsOfDigest(sql, "s.digest", MOST_KEYS)}) o
    where s.id = ${String(slabId)}::bigint`;
  if (row === undefined) return undefined;
  return {
    nextAttempt: row.next_attempt,
    isOurs: row.ours,
    lease:
      row.leased_at === null
        ? null
        : {
            leasedAt: row.leased_at,
            sentAt: row.sent_at,
            beganAt: row.began_at,
            expiresAt: row.expires_at,
            worker: row.worker,
            throughQueue: row.through_queue,
          },
    repair:
      row.last_outcome === null
        ? null
        : {
            outcome: row.last_outcome,
            error: row.last_error,
            endedAt: row.finished_at,
            crashes: row.crashes,
            setbacks: row.setbacks,
            quarantinedUntil: row.quarantined_until,
            quarantineReason: row.quarantined_until === null ? null : row.quarantine_reason,
          },
    objects: row.objects,
  };
}
