import type { ISql, Sql } from "postgres";
import { systemClock } from "../../../lib/clock/clock.ts";
import {
  leaseByUrgency,
  type UrgencyBatch,
  type UrgencyRequest,
} from "../../../lib/database/leases/lease-by-urgency.ts";
import { DEFAULT_WALK_SETTINGS, type WalkSettings } from "../../../lib/jobs/backlog/backlog-settings.ts";
import type { Cause } from "../../../lib/jobs/backlog/causes.ts";
import { type WalkReport, walkBacklog } from "../../../lib/jobs/backlog/walk.ts";
import { askOf } from "../../support/ask.ts";

/** Beside an indexd whose own migrations are off; a new pass may begin at once. */
export function walkSettings(
  rest: Partial<WalkSettings> & { graceMs?: number; dangerAbove?: number } = {},
): WalkSettings {
  const { graceMs = 0, dangerAbove = 1e-4, ...settings } = rest;
  return {
    ...DEFAULT_WALK_SETTINGS,
    indexdGraceMs: 0,
    everyMs: 3_600_000,
    thresholds: { graceMs: { lost: 0, "bad-contract": graceMs, "bad-host": graceMs }, dangerAbove },
    ...settings,
  };
}

/** One whole pass of each cause. */
export async function walk(
  sql: Sql,
  settings: WalkSettings = walkSettings(),
  causes?: readonly Cause[],
): Promise<WalkReport> {
  // The next pass is due now.
  await sql`update slabmend.walks set pass_started_at = pass_started_at - interval '2 hours'
    where finished_at is not null and phase = 'sectors' and position = 0`;
  return walkBacklog(
    { ask: askOf(sql), clock: systemClock },
    settings,
    60_000,
    ...(causes === undefined ? [] : [causes]),
  );
}

const leaseRequest = (rest: Partial<UrgencyRequest> = {}): UrgencyRequest => ({
  maxLeases: 100,
  maxInFlight: null,
  throughQueue: true,
  holdMs: 3_600_000,
  graceMs: 0,
  dangerAbove: 1e-4,
  mostOrdinary: null,
  patienceMs: 86_400_000,
  patientShare: 0.1,
  chance: 0,
  beyondRescueChance: 0,
  ...rest,
});

export const lease = (sql: ISql, rest: Partial<UrgencyRequest> = {}): Promise<UrgencyBatch> =>
  leaseByUrgency(sql, leaseRequest(rest));

export interface BacklogRow {
  readonly slab_id: string;
  readonly urgency: number;
  readonly margin: number;
  readonly causes: Record<string, number>;
  readonly ready: boolean;
  readonly first_seen: Date;
  readonly last_seen: Date;
  readonly look_at: Date;
  readonly waiting_since: Date;
}

export const backlogRows = (sql: Sql): Promise<BacklogRow[]> =>
  sql<BacklogRow[]>`
    select slab_id::text, urgency, margin, causes, ready, first_seen, last_seen, look_at, waiting_since
    from slabmend.backlog b order by b.slab_id`.then((rows) => [...rows]);

/** After a test wrote into the backlog by hand: ready_slabs as a walk would have written it. */
export async function followBacklog(sql: Sql): Promise<void> {
  await sql`truncate slabmend.ready_slabs`;
  await sql`
    insert into slabmend.ready_slabs (slab_id, urgency, waiting_since, margin, first_bad_sector)
    select b.slab_id, b.urgency, b.waiting_since, b.margin, b.bad_sectors[1]
    from slabmend.backlog b where b.ready and not exists (select from slabmend.leases l where l.slab_id = b.slab_id)`;
}

export async function clearDatabase(sql: Sql): Promise<void> {
  await sql`truncate slabs, sectors, slab_sectors, slab_deletion_queue, objects, object_slabs, account_slabs cascade`;
  await sql`truncate hosts_blocklist`;
  await sql`update contracts set good = true, state = 1`;
  await sql`truncate slabmend.leases, slabmend.repairs, slabmend.journal, slabmend.ready_slabs, slabmend.backlog, slabmend.sightings, slabmend.walks`;
}
