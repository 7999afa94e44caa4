/**
 * The process of `slabmend restore start` or the PostgreSQL server dies during the scan, and the restore still ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import postgres, { type Sql } from "postgres";
import { afterEach, expect, test } from "vitest";
import { createCrashingDatabase } from "../support/crashing-database.ts";
import type { TestDatabase } from "../support/database.ts";
import { createRepairWorld, type RepairWorld, type StoredSlab } from "../support/repair-world.ts";
import { statisticsThatDisagree } from "../support/seed-statistics.ts";
import { until } from "../support/until.ts";
import { runCli } from "./run-cli.ts";

const SLABMEND = fileURLToPath(new URL("../../bin/slabmend.js", import.meta.url));
const SLABS = 16;
/** Latency of the host that has half of the lost sectors. It keeps a scan from ending before the test disturbs it. */
const SLOW_MS = 1_000;

let world: RepairWorld;
let slabs: StoredSlab[];
let sql: Sql;
let child: ChildProcess | undefined;

afterEach(async () => {
  child?.kill("SIGKILL");
  await sql?.end({ timeout: 1 });
  await world?.stop();
});

async function setUp(options: { readonly database?: TestDatabase } = {}): Promise<void> {
  world = await createRepairWorld({ hosts: 4, ...options });
  await world.database.sql`update global_settings set wallet_hash = ${Buffer.alloc(32, 0xab)}`;
  slabs = [];
  for (let n = 0; n < SLABS; n += 1) slabs.push(await world.storeSlab({ minShards: 1, totalShards: 2 }));
  for (const [index, { sectors, hosts }] of slabs.entries()) {
    const { root } = sectors[0]!;
    const [from] = hosts;
    const to = world.hosts[index % 2 === 0 ? 2 : 3]!;
    await to.swarm.putSector(root, Buffer.from(await from!.swarm.readSectorFile(root)));
    await from!.swarm.dropSector(root);
  }
  await world.hosts[3]!.swarm.setSwitches({ latencyMs: SLOW_MS });
  // `restore start` refuses to begin while other clients are connected.
  await world.database.sql.end();
}

/** Starts a scan, and resolves when the scan has placed some sectors of the fast host. */
async function startScan(): Promise<{ readonly ended: Promise<unknown[]> }> {
  child = spawn(process.execPath, [SLABMEND, "--json", "restore", "start", "--source", "scan"], {
    env: { PATH: process.env["PATH"], ...world.variables },
    stdio: "ignore",
  });
  const ended = once(child, "exit");
  await until(() => isUnderWay(world.database.url), Boolean, { everyMs: 500 });
  sql = connect(world.database.url);
  const placed = await until(countPlaced, (n) => n >= 4);
  expect(placed).toBeLessThan(SLABS);
  return { ended };
}

const answerFast = () => world.hosts[3]!.swarm.setSwitches({ latencyMs: 0 });

async function expectRestored(): Promise<void> {
  expect(await countPlaced()).toBe(SLABS);
  expect(await statisticsThatDisagree(sql)).toEqual([]);
  const journal = await sql`select sum(jsonb_array_length(moves))::integer as moves from slabmend.journal`;
  expect(journal).toEqual([{ moves: SLABS }]);
}

test("after a crash of the PostgreSQL server during a scan the restore goes on, by itself or by restore continue", async () => {
  const database = await createCrashingDatabase();
  await setUp({ database });
  const { ended } = await startScan();
  await database.crash();
  await answerFast();
  const placedThen = await until(
    () => countPlaced().catch(() => -1),
    (placed) => placed >= 4,
  );
  expect(placedThen).toBeLessThanOrEqual(SLABS);
  await ended;
  const unfinished =
    await sql`update slabmend.runs set expires_at = now() where finished_at is null returning 1`;
  if (unfinished.length > 0) await runCli(["restore", "continue"], { environment: world.variables });
  const [run] =
    await sql`select state, statistics->'notFound' as missing, statistics->'refused' as refused from slabmend.runs`;
  expect(run).toEqual({ state: "done", missing: 0, refused: {} });
  await expectRestored();
});

test("after SIGKILL during a scan the placed sectors stay, and restore continue places the rest", async () => {
  await setUp();
  const { ended } = await startScan();
  child!.kill("SIGKILL");
  expect(await ended).toEqual([null, "SIGKILL"]);
  const [run] = await sql`select state, finished_at, token is not null as leased from slabmend.runs`;
  expect(run).toEqual({ state: "running", finished_at: null, leased: true });
  await answerFast();
  // Ends the killed process's lease, which would last five minutes.
  await sql`update slabmend.runs set expires_at = now()`;
  const continued = await runCli(["--json", "restore", "continue"], { environment: world.variables });
  // The hosts of this test know no contracts. The report says so, and the exit code is 6.
  expect([continued.code, continued.err]).toEqual([6, ""]);
  expect(continued.json).toMatchObject({ run: { state: "done", statistics: { notFound: 0, refused: {} } } });
  await expectRestored();
});

/** Connects under the name of a command, because `restore` refuses to continue while other clients are connected. */
const connect = (url: string): Sql =>
  postgres(url, { max: 1, onnotice: () => {}, connection: { application_name: "slabmend-cli" } });

/** Whether the restore has begun. Reads this over a new connection, and closes the connection before it returns. */
async function isUnderWay(url: string): Promise<boolean> {
  const look = connect(url);
  try {
    return (await look`select from slabmend.runs`).length > 0;
  } finally {
    await look.end();
  }
}

async function countPlaced(): Promise<number> {
  const [row] = await sql<{ placed: number }[]>`
    select count(*)::integer as placed from sectors
    where host_id in (${world.hosts[2]!.row.id}, ${world.hosts[3]!.row.id})`;
  return row!.placed;
}
