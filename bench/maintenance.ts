/**
 * How many sectors a second one coordinator verifies, and one worker drains: `npm run bench:maintenance [-- SECTORS [DRAINED]]`. Hosts on
 * loopback, 50 ms away in each direction, with real sectors; PostgreSQL on the same machine. One line each.
 */
import { systemClock } from "../lib/clock/clock.ts";
import { parseEnvironment } from "../lib/config/parse-environment.ts";
import type { Ask } from "../lib/database/client/deadline-client.ts";
import { startRun } from "../lib/database/runs/maintenance-runs.ts";
import type { VerifyScope } from "../lib/jobs/verify/verify-run.ts";
import { statisticsOf } from "../lib/jobs/verify/verify-run.ts";
import { createLogger } from "../lib/telemetry/logger.ts";
import { MAINTENANCE_VARIABLES, openMaintenance } from "../lib/worker/open-maintenance.ts";
import { measureDrain } from "./maintenance/drain-rate.ts";
import { withRepairWorld } from "./with-repair-world.ts";

const sectors = Number(process.argv[2] ?? 300);
const drained = Number(process.argv[3] ?? 120);
const LATENCY_MS = 50;
/** Of one worker process. */
const REPAIRS_AT_ONCE = 8;

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
});
const drain = await measureDrain({ sectors: drained, latencyMs: LATENCY_MS, repairsAtOnce: REPAIRS_AT_ONCE });
console.log(JSON.stringify({ drain }));
