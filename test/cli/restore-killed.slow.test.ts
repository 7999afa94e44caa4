/**
 * The process of `slabmend restore start` is killed in the middle of a scan, and `restore continue` completes the
 * restore.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import postgres, { type Sql } from "postgres";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRepairWorld, type RepairWorld, type StoredSlab } from "../support/repair-world.ts";
import { statisticsThatDisagree } from "../support/seed-statistics.ts";
import { until } from "../support/until.ts";
import { runCli } from "./run-cli.ts";

const SLABMEND = fileURLToPath(new URL("../../bin/slabmend.js", import.meta.url));
const SLABS = 24;

let world: RepairWorld;
let slabs: StoredSlab[];
let sql: Sql;
let child: ChildProcess | undefined;

beforeEach(async () => {
  world = await createRepairWorld({ hosts: 3 });
  await world.database.sql`update global_settings set wallet_hash = ${Buffer.alloc(32, 0xab)}`;
  slabs = [];
  for (let n = 0; n < SLABS; n += 1) slabs.push(await world.storeSlab({ minShards: 1, totalShards: 2 }));
  for (const { sectors, hosts } of slabs) {
    const { root } = sectors[0]!;
    const [from] = hosts;
    await world.hosts[2]!.swarm.putSector(root, Buffer.from(await from!.swarm.readSectorFile(root)));
    await from!.swarm.dropSector(root);
  }
  for (const { swarm } of world.hosts) await swarm.setSwitches({ latencyMs: 100 });
  // The command refuses to begin while another client is connected to the database.
  await world.database.sql.end();
});
afterEach(async () => {
  child?.kill("SIGKILL");
  await sql?.end();
  await world?.stop();
});

test("after SIGKILL during a scan the placed sectors stay, and restore continue places the rest", async () => {
  child = spawn(process.execPath, [SLABMEND, "--json", "restore", "start", "--source", "scan"], {
    env: { PATH: process.env["PATH"], ...world.variables },
    stdio: "ignore",
  });
  const ended = once(child, "exit");
  await until(() => isUnderWay(world.database.url), Boolean, { everyMs: 500 });
  sql = postgres(world.database.url, { max: 1 });
  const placedThen = await until(countPlaced, (placed) => placed >= 4);
  child.kill("SIGKILL");
  expect(await ended).toEqual([null, "SIGKILL"]);
  expect(placedThen).toBeLessThan(SLABS);
  const [run] = await sql`select state, finished_at, token is not null as leased from slabmend.runs`;
  expect(run).toEqual({ state: "running", finished_at: null, leased: true });
  // Ends the killed process's lease, which would last five minutes.
  await sql`update slabmend.runs set expires_at = now()`;
  await sql.end();
  const continued = await runCli(["--json", "restore", "continue"], { environment: world.variables });
  // The hosts of this test know no contracts. The report says so, and the exit code is 6.
  expect([continued.code, continued.err]).toEqual([6, ""]);
  expect(continued.json).toMatchObject({ run: { state: "done", statistics: { notFound: 0, refused: {} } } });
  sql = postgres(world.database.url, { max: 1 });
  expect(await countPlaced()).toBe(SLABS);
  expect(await statisticsThatDisagree(sql)).toEqual([]);
  const journal = await sql`select sum(jsonb_array_length(moves))::integer as moves from slabmend.journal`;
  expect(journal).toEqual([{ moves: SLABS }]);
});

/** Asks over a connection of its own, which is closed before this function returns. */
async function isUnderWay(url: string): Promise<boolean> {
  const look = postgres(url, { max: 1, connection: { application_name: "slabmend-cli" } });
  try {
    return (await look`select from slabmend.runs`).length > 0;
  } finally {
    await look.end();
  }
}

async function countPlaced(): Promise<number> {
  const [row] = await sql<{ placed: number }[]>`
    select count(*)::integer as placed from sectors where host_id = ${world.hosts[2]!.row.id}`;
  return row!.placed;
}
