import type { ISql, Sql } from "postgres";
import { systemClock } from "../../../lib/clock/clock.ts";
import { type BatchRequest, type LeasedBatch, leaseBatch } from "../../../lib/database/leases/lease-batch.ts";
import { DEFAULT_WALK_SETTINGS, type WalkSettings } from "../../../lib/jobs/backlog/backlog-settings.ts";
import type { Cause } from "../../../lib/jobs/backlog/causes.ts";
import { type WalkReport, walkBacklog } from "../../../lib/jobs/backlog/walk.ts";
import { askOf } from "../../support/ask.ts";

/** Settings of the walk for an indexd with disabled migrations. After a pass the next pass may begin at once. */
export function walkSettings(
  rest: Partial<WalkSettings> & { graceMs?: number; dangerAbove?: number } = {},
): WalkSettings {
  const { graceMs = 0, dangerAbove = 1e-4, ...settings } = rest;
  return {
    ...DEFAULT_WALK_SETTINGS,
    indexdGraceMs: 0,
    everyMs: 3_600_000,
    // A page must not fail on a busy machine; tests of slow pages set their own limit.
    longestReadMs: 30_000,
    thresholds: {
      graceMs: { lost: 0, denied: 0, "bad-contract": graceMs, "bad-host": graceMs, draining: 0 },
      dangerAbove,
    },
    ...settings,
  };
}

/** Walks one whole pass of each cause. */
export async function walk(
  sql: Sql,
  settings: WalkSettings = walkSettings(),
  causes?: readonly Cause[],
): Promise<WalkReport> {
  // Makes the next pass due now.
  await sql`update slabmend.walks set pass_started_at = pass_started_at - interval '2 hours'
    where finished_at is not null and phase = 'mark' and position = 0`;
  return walkBacklog(
    { ask: askOf(sql), clock: systemClock },
    settings,
    60_000,
    ...(causes === undefined ? [] : [causes]),
  );
}

/** Judges the due entries of the backlog, without walking over the sectors of any cause. */
export const look = (sql: Sql, settings: WalkSettings = walkSettings()): Promise<WalkReport> =>
  walkBacklog({ ask: askOf(sql), clock: systemClock }, settings, 10_000, []);

/** Leases a batch in the order of urgency, unless `rest` sets another order. */
export const lease = (sql: ISql, rest: Partial<BatchRequest> = {}): Promise<LeasedBatch> =>
  leaseBatch(sql, {
    order: "urgency",
    urgencyAbove: -1,
    waitedMs: 86_400_000,
    dangerAbove: 1e-4,
    maxLeases: 100,
    maxInFlight: null,
    throughQueue: true,
    holdMs: 3_600_000,
    graceMs: 0,
    ...rest,
  });

export interface BacklogRow {
  readonly slab_id: string;
  readonly urgency: number;
  readonly margin: number;
  readonly causes: Record<string, number>;
  readonly ready: boolean;
  readonly look_at: Date;
  readonly waiting_since: Date;
}

export const backlogRows = (sql: Sql): Promise<BacklogRow[]> =>
  sql<BacklogRow[]>`
    select slab_id::text, urgency, margin, causes, ready, look_at, waiting_since
    from slabmend.backlog b order by b.slab_id`.then((rows) => [...rows]);
