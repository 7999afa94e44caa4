/**
 * The demo's drain of good hosts. The demo starts the drain as an operator would, and reap coordinates it. reap has no
 * migration seed, but a drain's coordinator does not need one.
 */
import type { ISql } from "postgres";
import { startRun } from "../../lib/database/runs/maintenance-runs.ts";
import { type DrainScope, drainStatisticsOf } from "../../lib/jobs/drain/drain-run.ts";
import type { DemoHost } from "./register-hosts.ts";

export interface DrainDone {
  readonly hosts: number;
  readonly sectorsBefore: number;
  /** Sectors that were on the drained hosts when the drain began and are still there. */
  readonly sectorsAfter: number;
  /** Sectors that left the drained hosts by being copied; the next field counts those that were rebuilt. */
  readonly copied: number;
  readonly rebuilt: number;
  /** Time from the drain's start until its coordinator saw no sector left; null: the drain has not ended. */
  readonly seconds: number | null;
  readonly finished: boolean;
}

export async function startDrain(sql: ISql, hosts: readonly DemoHost[]): Promise<void> {
  const sectors = await sql`
    select from sectors where host_id in ${sql(hosts.map(({ row }) => row.id))}`;
  const scope: DrainScope = { hosts: hosts.map(({ row }) => row.hostKey), sectors: sectors.length };
  await startRun(sql, { kind: "drain", scope, owner: "the demo" });
}

export async function isDrained(sql: ISql): Promise<boolean> {
  return (await sql`select from slabmend.runs where finished_at is null`).length === 0;
}

/** Null: nothing was drained. */
export async function readDrain(sql: ISql, hosts: readonly DemoHost[]): Promise<DrainDone | null> {
  if (hosts.length === 0) return null;
  const [row] = await sql<
    { before: number; after: number; statistics: unknown; seconds: number | null; finished: boolean }[]
  >`
    select (r.scope->>'sectors')::integer as before, r.statistics, r.state = 'done' as finished,
      extract(epoch from r.finished_at - r.started_at)::float8 as seconds,
      (
        select count(*)::integer from sectors s
        where s.host_id in ${sql(hosts.map(({ row: { id } }) => id))} and s.uploaded_at <= r.started_at
      ) as after
    from slabmend.runs r where r.kind = 'drain'`;
  const { copied, rebuilt } = drainStatisticsOf(row!);
  const { before, after, seconds, finished } = row!;
  return {
    hosts: hosts.length,
    sectorsBefore: before,
    sectorsAfter: after,
    copied,
    rebuilt,
    seconds,
    finished,
  };
}
