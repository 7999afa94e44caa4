/**
 * Peak resident memory of a repair process, as the kernel counts it: the real handler in a process of its own repairs
 * slabs of 10-of-30 with 20 shards to rebuild, one after the other, from hosts on loopback.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { FunctionPool } from "../lib/local/function-pool.ts";
import { startParentGuard } from "../lib/local/parent-guard.ts";
import { startPostgres } from "../lib/local/postgres.ts";
import { encodeRepairMessage } from "../lib/queue/repair-message.ts";
import { migrateDatabase } from "../lib/store/migrate-database.ts";
import { createRepairWorld, type RepairWorld } from "../test/support/repair-world.ts";
import { rounded } from "./measure.ts";

export interface RepairMemoryResult {
  readonly peakMebibytes: number;
  /** Before the first repair: what Node and our code take. */
  readonly idleMebibytes: number;
  readonly atMost: number;
  readonly repairs: number;
}

const REPAIRS = 3;
const MIN_SHARDS = 10;
const TOTAL_SHARDS = 30;
const LOST_SHARDS = 20;
const HOSTS = 34;
const KIBIBYTE = 1_024;

/** What /proc says of a process, in MiB. */
async function statusOf(pid: number, field: "VmHWM" | "VmRSS"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status);
  if (line === null) throw new Error(`expected ${field} in /proc/${pid}/status`);
  return Number(line[1]) / KIBIBYTE;
}

async function repairInProcess(world: RepairWorld): Promise<RepairMemoryResult> {
  const guard = await startParentGuard();
  const pool = new FunctionPool(
    {
      name: "repair",
      entry: fileURLToPath(new URL("../functions/repair.ts", import.meta.url)),
      timeoutMs: 120_000,
      maxConcurrency: 1,
      environment: world.variables,
    },
    { guard, onLine: () => {} },
  );
  const invoke = async (records: unknown[]): Promise<void> => {
    const outcome = await pool.invoke(JSON.stringify({ Records: records }));
    if (outcome.kind !== "succeeded") throw new Error(`the handler failed: ${JSON.stringify(outcome)}`);
  };
  try {
    await invoke([]);
    const [pid] = pool.pids;
    if (pid === undefined) throw new Error("the handler's process is gone");
    const idle = await statusOf(pid, "VmRSS");
    for (let n = 0; n < REPAIRS; n++) {
      const slab = await world.storeSlab({ minShards: MIN_SHARDS, totalShards: TOTAL_SHARDS });
      for (let index = 0; index < LOST_SHARDS; index++) await world.loseSector(slab, index);
      const body = encodeRepairMessage(await world.lease(slab));
      await invoke([{ messageId: String(n), body }]);
      const [entry] = await world.database.sql<{ outcome: string; moved: number }[]>`
        select outcome, jsonb_array_length(moves) as moved from slabmend.journal where slab_id = ${String(slab.id)}`;
      if (entry?.outcome !== "repaired" || entry.moved !== LOST_SHARDS) {
        throw new Error(`expected ${LOST_SHARDS} moves, got ${JSON.stringify(entry)}`);
      }
    }
    const peak = await statusOf(pid, "VmHWM");
    return { peakMebibytes: rounded(peak), idleMebibytes: rounded(idle), atMost: 256, repairs: REPAIRS };
  } finally {
    await pool.stop();
    await guard.release();
  }
}

/** Needs Linux, whose kernel remembers the peak. */
export async function benchRepairMemory(): Promise<RepairMemoryResult | { readonly skipped: string }> {
  if (process.platform !== "linux") return { skipped: "the peak is read from /proc" };
  const server = await startPostgres();
  try {
    const admin = postgres(server.url("postgres"), { max: 1, onnotice: () => {} });
    await admin.unsafe("create database bench").finally(() => admin.end());
    const url = server.url("bench");
    const sql = postgres(url, { max: 4, onnotice: () => {} });
    await sql.unsafe(await readFile(new URL("../lib/local/indexd-schema.sql", import.meta.url), "utf8"));
    await migrateDatabase(sql);
    const world = await createRepairWorld({ hosts: HOSTS, database: { url, sql, drop: () => sql.end() } });
    try {
      return await repairInProcess(world);
    } finally {
      await world.stop();
    }
  } finally {
    await server.stop();
  }
}
