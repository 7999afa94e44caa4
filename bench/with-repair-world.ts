/**
 * A repair world for benchmarks, without vitest: with an embedded PostgreSQL of its own, and the repair function in a
 * process of its own.
 */
import postgres from "postgres";
import { FunctionPool } from "../dev/aws/function-pool.ts";
import { indexdSchema } from "../dev/indexd/indexd-schema.ts";
import { startPostgres } from "../dev/postgres/postgres.ts";
import { type ParentGuard, startParentGuard } from "../dev/process/parent-guard.ts";
import { migrateDatabase } from "../lib/database/schema/migrate-database.ts";
import { createRepairWorld, type RepairWorld } from "../test/support/repair-world.ts";

/** Runs `work` with a new repair world. Hosts and database have ended when this returns. */
export async function withRepairWorld<T>(
  hosts: number,
  work: (world: RepairWorld) => Promise<T>,
): Promise<T> {
  const server = await startPostgres();
  try {
    const admin = postgres(server.url("postgres"), { max: 1, onnotice: () => {} });
    await admin.unsafe("create database bench").finally(() => admin.end());
    const url = server.url("bench");
    const sql = postgres(url, { max: 4, onnotice: () => {} });
    await sql.unsafe(indexdSchema());
    await migrateDatabase(sql);
    const world = await createRepairWorld({ hosts, database: { url, sql, drop: () => sql.end() } });
    try {
      return await work(world);
    } finally {
      await world.stop();
    }
  } finally {
    await server.stop();
  }
}

export interface RepairProcess {
  readonly pid: number;
  /** Invokes the handler once, with one event that has these message bodies. */
  invoke(...bodies: readonly string[]): Promise<void>;
}

/** Starts the handler of the module `entry` in a process, then runs `work`. The process has ended when this returns. */
export async function withRepairProcess<T>(
  entry: string,
  environment: Readonly<Record<string, string>>,
  work: (process: RepairProcess) => Promise<T>,
  onLine: (line: string) => void = () => {},
): Promise<T> {
  const guard: ParentGuard = await startParentGuard();
  const pool = new FunctionPool(
    { name: "repair", entry, timeoutMs: 300_000, maxConcurrency: 1, environment },
    { guard, onLine: ({ line }) => onLine(line) },
  );
  const invoke = async (...bodies: readonly string[]): Promise<void> => {
    const Records = bodies.map((body, index) => ({ messageId: String(index), body }));
    const outcome = await pool.invoke(JSON.stringify({ Records }));
    if (outcome.kind !== "succeeded") throw new Error(`the handler failed: ${JSON.stringify(outcome)}`);
  };
  try {
    await invoke();
    const [pid] = pool.pids;
    if (pid === undefined) throw new Error("the handler's process is gone");
    return await work({ pid, invoke });
  } finally {
    await pool.stop();
    await guard.release();
  }
}
