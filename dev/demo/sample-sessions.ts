import { setImmediate as afterEventsAtHand } from "node:timers/promises";
import type { ISql } from "postgres";
import type { FunctionPool } from "../aws/function-pool.ts";
import { arrayLiteral } from "./array-literal.ts";
import { FLEET_LIMITS, type FleetSession, type SessionLimits, type SessionSample } from "./check-sessions.ts";

const SAMPLE_EVERY_MS = 100;

/** The table locks that statements take to read or write rows. */
const LOCKS_OF_ROWS = ["AccessShareLock", "RowShareLock", "RowExclusiveLock"];

/**
 * Takes one sample in one statement: the role's sessions and locks in this database, and the sessions that wait for
 * these locks.
 */
export async function sampleSessions(
  sql: ISql,
  role: string,
): Promise<Omit<SessionSample, "running" | "left">> {
  const [row] = await sql<
    {
      sessions: FleetSession[];
      strangers: string[];
      locks: { table: string; mode: string }[];
      kept: { application: string; forMs: number }[];
    }[]
  >`
    with fleet as materialized (
      select pid, application_name, state, client_port, greatest(extract(epoch from clock_timestamp() - state_change), 0) * 1000 as for_ms
      from pg_stat_activity where usename = ${role} and datname = current_database() and state is not null
    )
    select
      (select coalesce(jsonb_agg(jsonb_build_object('application', application_name, 'state', state, 'forMs', for_ms,
          'clientPort', client_port)), '[]')
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
  /** Stops sampling. @returns all samples */
  stop(): Promise<readonly SessionSample[]>;
}

/** Takes ten samples a second while the functions of these pools run. */
export function startSessionSampler(parts: {
  readonly sql: ISql;
  readonly role: string;
  readonly pools: readonly Pick<FunctionPool, "busy" | "on" | "off">[];
  /** {@link DatabaseProxy.hasLeft} */
  readonly hasLeft: (clientPort: number) => boolean;
  readonly onFailure: (error: unknown) => void;
}): SessionSampler {
  const { sql, role, pools, hasLeft, onFailure } = parts;
  const samples: SessionSample[] = [];
  let started = 0;
  const onStarted = (): void => {
    started += 1;
  };
  for (const pool of pools) pool.on("started", onStarted);

  let underWay: Promise<void> | undefined;
  const sample = async (): Promise<void> => {
    // `running` is an upper bound: at every moment of the query, at most `running` functions ran.
    const before = pools.reduce((sum, { busy }) => sum + busy.length, 0) - started;
    const seen = await sampleSessions(sql, role);
    const running = before + started;
    // Functions that ended before the sample have closed their connections; wait until the proxy has noticed this.
    await afterEventsAtHand();
    const left = seen.sessions.filter(({ clientPort }) => clientPort !== null && hasLeft(clientPort)).length;
    samples.push({ ...seen, running, left });
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
      for (const pool of pools) pool.off("started", onStarted);
      return samples;
    },
  };
}
