import type { ISql } from "postgres";
import type { InvocationOutcome } from "../aws/execution-environment.ts";
import type { FunctionPool, Invocation } from "../aws/function-pool.ts";
import { arrayLiteral } from "./array-literal.ts";
import { FLEET_LIMITS, type FleetSession, type SessionLimits, type SessionSample } from "./check-sessions.ts";

const SAMPLE_EVERY_MS = 100;
/** A backend whose client was killed ends after its statement, which may be waiting for a lock: lock_timeout, and something. */
const LINGER_MS = 5_000;

/** Of a whole table, those that a fleet holds when it reads and writes rows; who waits for a row locks that row for himself. */
const LOCKS_OF_ROWS = ["AccessShareLock", "RowShareLock", "RowExclusiveLock"];

/** One look, in one statement: of the role's sessions and locks in this database, and of who waits for them. */
export async function sampleSessions(sql: ISql, role: string): Promise<Omit<SessionSample, "running">> {
  const [row] = await sql<
    {
      sessions: FleetSession[];
      strangers: string[];
      locks: { table: string; mode: string }[];
      kept: { application: string; forMs: number }[];
    }[]
  >`
    with fleet as materialized (
      select pid, application_name, state, greatest(extract(epoch from clock_timestamp() - state_change), 0) * 1000 as for_ms
      from pg_stat_activity where usename = ${role} and datname = current_database() and state is not null
    )
    select
      (select coalesce(jsonb_agg(jsonb_build_object('application', application_name, 'state', state, 'forMs', for_ms)), '[]')
        from fleet) as sessions,
      (select coalesce(jsonb_agg(distinct application_name), '[]') from pg_stat_activity
        where usename <> ${role} and datname = current_database()
          and application_name in ('slabmend-claim', 'slabmend-repair', 'slabmend-reap')) as strangers,
      (select coalesce(jsonb_agg(distinct jsonb_build_object('table', c.relname, 'mode', l.mode)), '[]')
        from pg_locks l join fleet using (pid) join pg_class c on c.oid = l.relation
        where l.locktype = 'relation' and c.relnamespace = 'public'::regnamespace and l.mode <> all (${arrayLiteral(LOCKS_OF_ROWS)}::text[])) as locks,
      (select coalesce(jsonb_agg(jsonb_build_object('application', a.application_name,
          'forMs', extract(epoch from clock_timestamp() - l.waitstart) * 1000)), '[]')
        from pg_locks l join pg_stat_activity a using (pid)
        where not l.granted and l.waitstart is not null and a.usename <> ${role} and a.datname = current_database()
          and pg_blocking_pids(l.pid) && array(select pid from fleet)) as kept`;
  return { sessions: row!.sessions, strangers: row!.strangers, strongLocks: row!.locks, kept: row!.kept };
}

export async function readSessionLimits(sql: ISql, role: string): Promise<SessionLimits> {
  const [row] = await sql<{ connections: number }[]>`
    select rolconnlimit as connections from pg_roles where rolname = ${role}`;
  return { connections: row!.connections, ...FLEET_LIMITS };
}

export interface SessionSampler {
  /** Samples no more. @returns all samples */
  stop(): Promise<readonly SessionSample[]>;
}

/** Looks ten times a second while the functions of these pools run. */
export function startSessionSampler(parts: {
  readonly sql: ISql;
  readonly role: string;
  readonly pools: readonly FunctionPool[];
  readonly onFailure: (error: unknown) => void;
}): SessionSampler {
  const { sql, role, pools, onFailure } = parts;
  const samples: SessionSample[] = [];
  let started = 0;
  const crashedAtMs: number[] = [];
  const onStarted = (): void => {
    started += 1;
  };
  const onEnded = (_: Invocation, { kind }: InvocationOutcome): void => {
    if (kind !== "succeeded") crashedAtMs.push(Date.now());
  };
  for (const pool of pools) pool.on("started", onStarted).on("ended", onEnded);

  let underWay: Promise<void> | undefined;
  const sample = async (): Promise<void> => {
    // At whatever moment of the query the server looks, these are all that can have been running.
    const before = pools.reduce((sum, { busy }) => sum + busy.length, 0) - started;
    const beganAtMs = Date.now();
    const seen = await sampleSessions(sql, role);
    const lingering = crashedAtMs.filter((atMs) => atMs > beganAtMs - LINGER_MS).length;
    samples.push({ ...seen, running: before + started + lingering });
  };
  const timer = setInterval(() => {
    underWay ??= sample()
      .catch(onFailure)
      .finally(() => {
        underWay = undefined;
      });
  }, SAMPLE_EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await underWay;
      for (const pool of pools) pool.off("started", onStarted).off("ended", onEnded);
      return samples;
    },
  };
}
