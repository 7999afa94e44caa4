import type { ISql } from "postgres";
import type { SlabId } from "../../slab/ids.ts";

/** A slab's state in slabmend and in indexd. Times are the database's. */
export interface RepairState {
  readonly nextAttempt: Date;
  /** slabmend wrote `nextAttempt`, so indexd has not claimed the slab since then. */
  readonly nextAttemptIsOurs: boolean;
  readonly lease: "none" | "waiting" | "running";
  readonly lastOutcome: string | undefined;
  readonly finishedAt: Date | undefined;
  readonly quarantinedUntil: Date | undefined;
}

/** Reads by primary keys in one statement, without locks. Undefined: there is no such slab. */
export async function readRepairState(sql: ISql, slabId: SlabId): Promise<RepairState | undefined> {
  const [row] = await sql<
    {
      next_attempt: Date;
      ours: boolean;
      lease: RepairState["lease"];
      last_outcome: string | null;
      finished_at: Date | null;
      quarantined_until: Date | null;
    }[]
  >`
    select s.next_repair_attempt as next_attempt,
      coalesce(s.next_repair_attempt = r.next_repair_attempt, false)
        or coalesce(s.next_repair_attempt = l.held_until, false) as ours,
      case when l.slab_id is null then 'none' when l.began_at is null then 'waiting' else 'running' end as lease,
      r.last_outcome, r.finished_at,
      case when r.quarantined_until > clock_timestamp() then r.quarantined_until end as quarantined_until
    from public.slabs s
    left join slabmend.repairs r on r.slab_id = s.id
    left join slabmend.leases l on l.slab_id = s.id
    where s.id = ${String(slabId)}`;
  if (row === undefined) return undefined;
  return {
    nextAttempt: row.next_attempt,
    nextAttemptIsOurs: row.ours,
    lease: row.lease,
    lastOutcome: row.last_outcome ?? undefined,
    finishedAt: row.finished_at ?? undefined,
    quarantinedUntil: row.quarantined_until ?? undefined,
  };
}
