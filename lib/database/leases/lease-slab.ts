import type { Sql } from "postgres";
import { type LeaseToken, parseLeaseToken, type SlabId } from "../../slab/ids.ts";
import { BRIEFLY, ONLY_CONFLICTS, retryTransaction } from "../client/retry-transaction.ts";

export interface LeaseSlabRequest {
  readonly slabId: SlabId;
  readonly holdMs: number;
  /**
   * indexd's grace: how long after its next_repair_attempt a slab is left to indexd. No grace applies if slabmend wrote
   * that value.
   */
  readonly graceMs: number;
  /**
   * True: leases the slab even if indexd may be repairing it or has given it up, and despite a quarantine, pause or
   * suspension; but never during maintenance or deletion.
   */
  readonly force: boolean;
}

export type LeaseSlabResult =
  | { readonly kind: "leased"; readonly token: LeaseToken }
  | {
      readonly kind: "refused";
      readonly why:
        | "no-such-slab"
        /** Another transaction has locked the slab's row. */
        | "locked"
        | "leased"
        | "quarantined"
        | "being-deleted"
        /** indexd has marked the slab as unrecoverable, and we cannot rescue it either. */
        | "given-up"
        /** indexd has claimed the slab, or may still claim it: its grace is not over. */
        | "left-to-indexd"
        /** The fleet is paused, suspended, in maintenance or being deleted. */
        | "fleet-not-running";
      readonly until?: Date;
    };

const LOCK_NOT_AVAILABLE = "55P03";

interface Standing {
  readonly mode: "running" | "paused" | "suspended" | "maintenance" | "deleting";
  readonly leased: boolean;
  readonly dying: boolean;
  readonly given_up: boolean;
  readonly quarantined_until: Date | null;
  readonly indexd_until: Date | null;
}

/**
 * Leases one chosen slab, regardless of its health, for a repair that begins immediately: the lease counts as sent, so
 * no message is sent for it. Ignores our own backoffs. Respects other leases and, without `force`, indexd's grace and
 * quarantine.
 *
 * Locks: the slab, without waiting; then decides in a new statement, as claim does.
 */
export async function leaseSlab(sql: Sql, request: LeaseSlabRequest): Promise<LeaseSlabResult> {
  // Not retried after a lost answer: a second call would be refused because of the first call's lease. reap frees the
  // slab when the hold of that lease is over.
  return await retryTransaction("lease a slab", () => leaseOnce(sql, request), ONLY_CONFLICTS);
}

async function leaseOnce(sql: Sql, request: LeaseSlabRequest): Promise<LeaseSlabResult> {
  const id = String(request.slabId);
  try {
    return await sql.begin(async (tx): Promise<LeaseSlabResult> => {
      await tx`select slabmend.hold_indexd(array['slabs'])`;
      const locked = await tx`select 1 from public.slabs s where s.id = ${id} for no key update nowait`;
      if (locked.length === 0) return { kind: "refused", why: "no-such-slab" };
      const [standing] = await tx<Standing[]>`
        select (select f.mode from slabmend.fleet f) as mode, t.leased, t.dying, t.given_up,
          case when t.quarantined_until > clock_timestamp() then t.quarantined_until end as quarantined_until,
          case when t.indexd_until > clock_timestamp() then t.indexd_until end as indexd_until
        from slabmend.lease_standing(array[${id}]::bigint[],
          make_interval(secs => ${request.graceMs}::double precision / 1000)) t`;
      const refusal = refusalOf(standing!, request.force);
      if (refusal !== undefined) return refusal;
      const [lease] = await tx<{ token: string }[]>`
        with moment as (
          select clock_timestamp() as at,
            clock_timestamp() + make_interval(secs => ${request.holdMs}::double precision / 1000) as hold
        ), held as (
          update public.slabs s set next_repair_attempt = m.hold from moment m
          where s.id = ${id}
          returning s.id, s.digest, s.min_shards
        )
        insert into slabmend.leases
          (slab_id, digest, leased_at, held_until, sending_since, sent_at, expires_at, through_queue, margin)
        select h.id, h.digest, m.at, m.hold, m.at, m.at, m.hold, false,
          (select count(g.host_id) - h.min_shards
           from public.slab_sectors ss
           join public.sectors x on x.id = ss.sector_id
           left join slabmend.host_states() g on g.host_id = x.host_id and g.good
           where ss.slab_id = h.id)
        from held h cross join moment m
        returning token::text`;
      return { kind: "leased", token: parseLeaseToken(lease!.token) };
    });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === LOCK_NOT_AVAILABLE) {
      return { kind: "refused", why: "locked" };
    }
    throw error;
  }
}

function refusalOf(standing: Standing, force: boolean): LeaseSlabResult | undefined {
  if (standing.leased) return { kind: "refused", why: "leased" };
  if (standing.dying) return { kind: "refused", why: "being-deleted" };
  if (standing.mode === "maintenance" || standing.mode === "deleting")
    return { kind: "refused", why: "fleet-not-running" };
  if (force) return undefined;
  if (standing.mode !== "running") return { kind: "refused", why: "fleet-not-running" };
  if (standing.given_up) return { kind: "refused", why: "given-up" };
  if (standing.quarantined_until !== null) {
    return { kind: "refused", why: "quarantined", until: standing.quarantined_until };
  }
  if (standing.indexd_until !== null) {
    return { kind: "refused", why: "left-to-indexd", until: standing.indexd_until };
  }
  return undefined;
}

/**
 * Ends a lease that has not begun, so that claim may lease its slab immediately. False: the lease has begun or is gone.
 * If an answer is lost, the statement is repeated, and the result may be false although the first attempt released the
 * lease.
 *
 * Locks: the slab, then the lease. The new next_repair_attempt is recorded as ours, so claim leaves no grace to indexd.
 */
export async function releaseUnbegunLease(
  sql: Sql,
  lease: { readonly slabId: SlabId; readonly token: LeaseToken },
): Promise<boolean> {
  const id = String(lease.slabId);
  const release = () =>
    sql.begin(async (tx) => {
      await tx`select slabmend.hold_indexd(array['slabs'])`;
      await tx`select 1 from public.slabs s where s.id = ${id} for no key update`;
      const released = await tx`
      with ended as (
        delete from slabmend.leases l
        where l.slab_id = ${id} and l.token = ${lease.token}::uuid and l.began_at is null
        returning l.slab_id, l.digest, l.held_until
      ), freed as (
        update public.slabs s set next_repair_attempt = clock_timestamp()
        from ended e where s.id = e.slab_id and s.next_repair_attempt = e.held_until
        returning s.id, s.next_repair_attempt
      ), noted as (
        insert into slabmend.repairs as r (slab_id, digest, last_outcome, finished_at, next_repair_attempt)
        select e.slab_id, e.digest, 'never-begun', clock_timestamp(), f.next_repair_attempt
        from ended e join freed f on f.id = e.slab_id
        on conflict (slab_id) do update set next_repair_attempt = excluded.next_repair_attempt
      )
      select from ended`;
      return released.count > 0;
    });
  return await retryTransaction("release a lease", release, BRIEFLY);
}
