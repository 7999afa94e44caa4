/**
 * `npm run bench:maintenance [-- SECTORS [DRAINED [OF_A_LARGE_INDEXER]]]`: measures three rates in sectors per second:
 * verified by one coordinator, checked by one process in due checks, and drained by one worker (not measured if DRAINED
 * is 0). If OF_A_LARGE_INDEXER is given, also measures how long it takes to start, to report and to cancel a run on an
 * indexer with that many sectors. Hosts with real sectors run on loopback, with a latency of 50 ms in each direction.
 * PostgreSQL runs on the same machine. Prints one line for each measurement.
 */
import { systemClock } from "../lib/clock/clock.ts";
import { parseEnvironment } from "../lib/config/parse-environment.ts";
import type { Ask } from "../lib/database/client/deadline-client.ts";
import { startRun } from "../lib/database/runs/maintenance-runs.ts";
import type { VerifyScope } from "../lib/jobs/verify/verify-run.ts";
import { statisticsOf } from "../lib/jobs/verify/verify-run.ts";
import { createLogger } from "../lib/telemetry/logger.ts";
import { openDueChecks } from "../lib/worker/open-due-checks.ts";
import { MAINTENANCE_VARIABLES, openMaintenance } from "../lib/worker/open-maintenance.ts";
import type { RepairWorld } from "../test/support/repair-world.ts";
import { measureDrain } from "./maintenance/drain-rate.ts";
import { measureRunsAtScale } from "./maintenance/runs-at-scale.ts";
import { withRepairWorld } from "./with-repair-world.ts";

const sectors = Number(process.argv[2] ?? 300);
const drained = Number(process.argv[3] ?? 120);
const large = Number(process.argv[4] ?? 0);
const LATENCY_MS = 50;
/** Simultaneous repairs of the worker that drains. */
const REPAIRS_AT_ONCE = 8;

/**
 * Makes all sectors of the verification due for a check, and measures how fast the code that `serve` runs checks them.
 */
async function measureDue({ database: { sql }, variables }: RepairWorld) {
  await sql`update sectors set next_integrity_check = now() - interval '1 day'`;
  const checks = openDueChecks({
    environment: parseEnvironment(MAINTENANCE_VARIABLES, variables),
    ask: (statements) => statements(sql),
    clock: systemClock,
    logger: createLogger("warn", { indexer: "default" }),
    signal: new AbortController().signal,
    onMetrics: () => {},
  });
  const startedAtMs = systemClock.now();
  await checks.make(300_000);
  const seconds = (systemClock.now() - startedAtMs) / 1_000;
  await checks.close();
  const [row] = await sql<
    { confirmed: number }[]
  >`select sum(confirmed)::integer as confirmed from slabmend.checks`;
  return { confirmed: row!.confirmed, seconds, perSecond: Math.round(row!.confirmed / seconds) };
}

await withRepairWorld(1, async (world) => {
  const { sql } = world.database;
  const [host] = world.hosts;
  for (let n = 0; n < sectors; n += 1) await world.storeSlab({ minShards: 1, totalShards: 1 });
  await host!.swarm.setSwitches({ latencyMs: LATENCY_MS });
  const ask: Ask = (statements) => statements(sql);
  const scope: VerifyScope = { of: "host", host: host!.row.hostKey, sectors, sample: null };
  await startRun(sql, { kind: "verify", scope, owner: "bench" });
  const coordinator = openMaintenance({
    environment: parseEnvironment(MAINTENANCE_VARIABLES, world.variables),
    clock: systemClock,
    logger: createLogger("warn", { indexer: "default" }),
    signal: new AbortController().signal,
  });
  const startedAtMs = systemClock.now();
  const run = await coordinator.advance(ask, 300_000);
  const seconds = (systemClock.now() - startedAtMs) / 1_000;
  await coordinator.close();
  const { confirmed, hastings } = statisticsOf(run!);
  const result = {
    sectors,
    confirmed,
    latencyMs: LATENCY_MS,
    seconds,
    perSecond: Math.round(confirmed / seconds),
    hastingsPerMillion: String((BigInt(hastings) * 1_000_000n) / BigInt(confirmed)),
  };
  console.log(JSON.stringify({ verify: result }));
  console.log(JSON.stringify({ due: await measureDue(world) }));
});
if (drained === 0) process.exit();
const drain = await measureDrain({ sectors: drained, latencyMs: LATENCY_MS, repairsAtOnce: REPAIRS_AT_ONCE });
console.log(JSON.stringify({ drain }));
if (large > 0) console.log(JSON.stringify({ runs: await measureRunsAtScale(large) }));
