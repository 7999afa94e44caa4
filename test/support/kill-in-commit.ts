/**
 * Kills a worker whose COMMIT is sent but not answered. The worker's transaction has written everything, and waits in a
 * deferred trigger for a lock that we hold. Then the server either still commits, or rolls back because its client is
 * gone.
 */
import type { Sql } from "postgres";
import { expect } from "vitest";
import { untilEqual } from "./until.ts";
import type { WorkerProcess } from "./worker-process.ts";

export const FATES = ["the server still commits", "the server rolls back"] as const;
export type Fate = (typeof FATES)[number];

/** The write that has the deferred trigger, in a trigger's syntax: `insert on slabmend.leases`. */
export interface AwaitedWrite {
  readonly write: string;
  /** A condition on rows: `new.cause = 'lost'`. */
  readonly when?: string;
}

const LOCK = 4_711;

/** Resolves when the worker is dead and the server has processed everything that it sent. */
export async function killInCommit(
  sql: Sql,
  worker: Pick<WorkerProcess, "invoke" | "signal">,
  event: unknown,
  { write, when = "true" }: AwaitedWrite,
  fate: Fate,
): Promise<void> {
  const table = write.split(" on ").at(-1)!;
  await sql.unsafe(`
    create function public.await_test() returns trigger language plpgsql as $$
    begin
      perform pg_advisory_xact_lock_shared(${LOCK});
      return null;
    end $$;
    create constraint trigger await_test after ${write} deferrable initially deferred
      for each row when (${when}) execute function public.await_test()`);
  const locked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const holding = sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${LOCK})`;
    locked.resolve();
    await release.promise;
  });
  try {
    await locked.promise;
    const outcome = worker.invoke(event);
    const waiting = async (): Promise<number[]> => {
      const rows = await sql<{ pid: number }[]>`
        select pid from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'`;
      return rows.map(({ pid }) => pid);
    };
    await untilEqual(async () => (await waiting()).length, 1);
    const [pid] = await waiting();
    worker.signal("SIGKILL");
    expect(await outcome).toMatchObject({ how: "crashed" });
    if (fate === "the server rolls back") await sql`select pg_terminate_backend(${pid!})`;
    else release.resolve();
    await untilEqual(async () => (await sql`select from pg_stat_activity where pid = ${pid!}`).length, 0);
  } finally {
    release.resolve();
    await holding;
    await sql.unsafe(`drop trigger await_test on ${table}; drop function public.await_test()`);
  }
}
