/**
 * Disturbs the database while the fleet works, in three ways: the server crashes and recovers, backends are ended, or
 * all traffic with the fleet is dropped. Each disturbance waits until a repair is running.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ISql, Sql } from "postgres";
import { systemClock } from "../../lib/clock/clock.ts";
import { ANSWER_MS, createDeadlineClient } from "../../lib/database/client/deadline-client.ts";
import type { DatabaseProxy } from "./database-proxy.ts";
import { formatSeconds } from "./progress.ts";

/** The number of disturbances, by the options' names. */
export interface DisturbancesWanted {
  readonly restartDatabase: number;
  readonly endBackends: number;
  readonly silentDatabase: number;
}

export interface DisturbancesDone extends DisturbancesWanted {
  /** The time from a crash until the server accepts connections again, summed over all crashes. */
  readonly crashedMs: number;
  readonly silentMs: number;
}

export interface DatabaseDisturber {
  /** Stops disturbing, after the current disturbance has ended. */
  stop(): Promise<DisturbancesDone>;
}

/**
 * How long traffic is dropped: longer than a repair waits for a host, but shorter than the 20 s after which a repair
 * stops waiting for the database and tries again on a new connection.
 */
const SILENT_MS = 8_000;
const BETWEEN_MS = 3_000;
const BACKENDS_EVERY_MS = 100;
const POLL_MS = 50;

export function startDatabaseDisturber(parts: {
  /** Makes a client for the demo itself, with a superuser's role. */
  readonly connect: () => Sql;
  readonly role: string;
  readonly proxy: DatabaseProxy;
  readonly wanted: DisturbancesWanted;
  readonly random: () => number;
  readonly onDone: (line: string) => void;
  readonly onFailure: (error: unknown) => void;
}): DatabaseDisturber {
  const { connect, role, proxy, wanted, random, onDone, onFailure } = parts;
  const database = createDeadlineClient({ clock: systemClock, connect });
  const read = <Result>(statements: (sql: ISql) => Promise<Result>): Promise<Result> =>
    database.runIdempotent(ANSWER_MS, statements);
  const done = { restartDatabase: 0, endBackends: 0, silentDatabase: 0, crashedMs: 0, silentMs: 0 };
  const stopping = new AbortController();
  const { signal } = stopping;

  const untilRepairing = async (): Promise<void> => {
    while (!(await read(hasRunningLease))) await sleep(POLL_MS, undefined, { signal });
  };
  const crash = async (): Promise<void> => {
    const pid = await read(ownBackend);
    const atMs = Date.now();
    // If a backend dies by SIGKILL, the server ends all other backends and recovers from its WAL.
    process.kill(pid, "SIGKILL");
    await read((sql) => sql`select 1`);
    const awayMs = Date.now() - atMs;
    done.restartDatabase += 1;
    done.crashedMs += awayMs;
    onDone(`crashed the database; it was back after ${formatSeconds(awayMs / 1_000)}`);
  };
  const silence = async (): Promise<void> => {
    proxy.fallSilent();
    try {
      await sleep(SILENT_MS, undefined, { signal });
    } finally {
      proxy.recover();
    }
    done.silentDatabase += 1;
    done.silentMs += SILENT_MS;
    onDone(
      `the database was silent for ${formatSeconds(SILENT_MS / 1_000)}, and its connections stay silent`,
    );
  };
  const endBackends = async (): Promise<void> => {
    const most = wanted.endBackends - done.endBackends;
    // About half of the current backends.
    const share = 0.4 + random() / 5;
    done.endBackends += await read((sql) => endSome(sql, role, share, most));
    if (done.endBackends >= wanted.endBackends) onDone(`ended ${done.endBackends} backends of the fleet`);
  };
  const repeat = async (what: keyof DisturbancesWanted, once: () => Promise<void>, everyMs: number) => {
    while (done[what] < wanted[what]) {
      await untilRepairing();
      await once();
      await sleep(everyMs, undefined, { signal });
    }
  };
  const running = Promise.all([
    repeat("restartDatabase", crash, BETWEEN_MS),
    repeat("silentDatabase", silence, BETWEEN_MS),
    repeat("endBackends", endBackends, BACKENDS_EVERY_MS),
  ]).catch((error: unknown) => {
    if (!signal.aborted) onFailure(error);
  });
  return {
    async stop() {
      stopping.abort();
      await running;
      await database.end();
      return done;
    },
  };
}

export async function hasRunningLease(sql: ISql): Promise<boolean> {
  const rows = await sql`select from slabmend.leases where began_at is not null limit 1`;
  return rows.length > 0;
}

async function ownBackend(sql: ISql): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return row!.pid;
}

async function endSome(sql: ISql, role: string, share: number, most: number): Promise<number> {
  const ended = await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where usename = ${role} and datname = current_database() and random() < ${share} limit ${most}`;
  return ended.length;
}

/**
 * A sentence for each kind of disturbance that happened less often than was asked for. If there is such a sentence, the
 * demo has not shown what was asked for. Pure.
 */
export function missedDisturbances(wanted: DisturbancesWanted, done: DisturbancesDone): string[] {
  const says = {
    restartDatabase: "crashes of the database",
    endBackends: "ended backends",
    silentDatabase: "silent periods of the database",
  } as const;
  return (Object.keys(says) as (keyof DisturbancesWanted)[])
    .filter((what) => done[what] < wanted[what])
    .map((what) => `${done[what]} of ${wanted[what]} ${says[what]} happened while a repair was running`);
}
