/**
 * The processes that work for this database: each `slabmend work` or `slabmend serve` updates its own row at every
 * heartbeat.
 */
import type { ISql } from "postgres";
import { ONLY_CONFLICTS, retryTransaction } from "../client/retry-transaction.ts";
import { storableText } from "../client/storable-text.ts";

export interface WorkerRow {
  /** A random UUID, because process ids are reused. */
  readonly id: string;
  readonly command: "work" | "serve";
  readonly host: string;
  readonly pid: number;
  /** How many repairs it may run in parallel. */
  readonly concurrency: number;
  /** Repairs in progress. */
  readonly running: number;
  readonly state: "working" | "draining";
  /** A stable code of the problem that stops its work. */
  readonly trouble: string | undefined;
}

export interface SeenWorker extends WorkerRow {
  readonly startedAt: Date;
  readonly seenAt: Date;
  /** Its last heartbeat is at most ALIVE_FOR_MS ago. */
  readonly isAlive: boolean;
}

export const WORKER_HEARTBEAT_MS = 15_000;
/** Four heartbeats: one may be late and two may be lost before a worker counts as gone. */
const ALIVE_FOR_MS = 4 * WORKER_HEARTBEAT_MS;
const MOST_CHARACTERS = 200;
const MOST_WORKERS = 1_000;

/** Writes this process's row, by primary key, and deletes rows of processes that crashed more than a day ago. */
export async function tellAlive(sql: ISql, worker: WorkerRow): Promise<void> {
  const { id, command, pid, concurrency, running, state } = worker;
  const host = storableText(worker.host, MOST_CHARACTERS);
  const trouble = worker.trouble === undefined ? null : storableText(worker.trouble, MOST_CHARACTERS);
  const write = () => sql`
    with forgotten as (
      delete from slabmend.workers w
      where w.id in (
        select g.id from slabmend.workers g
        where g.seen_at < clock_timestamp() - interval '1 day' and g.id <> ${id}
        order by g.id
        for update skip locked)
    )
    insert into slabmend.workers
      (id, command, host, pid, concurrency, running, state, trouble, started_at, seen_at)
    values (${id}, ${command}, ${host}, ${pid}::integer, ${concurrency}::integer, ${running}::integer, ${state},
      ${trouble}, clock_timestamp(), clock_timestamp())
    on conflict (id) do update
    set concurrency = excluded.concurrency, running = excluded.running, state = excluded.state,
      trouble = excluded.trouble, seen_at = excluded.seen_at`;
  await retryTransaction("tell that a worker is alive", async () => await write(), ONLY_CONFLICTS);
}

/** Deletes this process's row, by primary key. */
export async function tellEnded(sql: ISql, id: string): Promise<void> {
  const remove = () => sql`delete from slabmend.workers w where w.id = ${id}`;
  await retryTransaction("tell that a worker has ended", async () => await remove(), ONLY_CONFLICTS);
}

/**
 * At most a thousand processes, in the order in which they started. Includes processes that crashed within the last
 * day.
 */
export async function listWorkers(sql: ISql): Promise<readonly SeenWorker[]> {
  const rows = await sql<
    (Pick<WorkerRow, "command" | "host" | "pid" | "concurrency" | "running" | "state"> & {
      id: string;
      trouble: string | null;
      started_at: Date;
      seen_at: Date;
      is_alive: boolean;
    })[]
  >`
    select w.id::text, w.command, w.host, w.pid, w.concurrency, w.running, w.state, w.trouble, w.started_at, w.seen_at,
      w.seen_at > clock_timestamp() - make_interval(secs => ${ALIVE_FOR_MS / 1_000}::double precision) as is_alive
    from slabmend.workers w
    order by w.started_at, w.id
    limit ${MOST_WORKERS}::integer`;
  return rows.map(({ trouble, started_at: startedAt, seen_at: seenAt, is_alive: isAlive, ...row }) => ({
    ...row,
    trouble: trouble ?? undefined,
    startedAt,
    seenAt,
    isAlive,
  }));
}
