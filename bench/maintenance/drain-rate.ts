/**
 * How many sectors per second one worker drains. Slabs are claimed and repaired as in production; the run's coordinator
 * counts the drained sectors.
 */
import { systemClock } from "../../lib/clock/clock.ts";
import type { Ask } from "../../lib/database/client/deadline-client.ts";
import { leaseBatch, type RankedLease } from "../../lib/database/leases/lease-batch.ts";
import { startRun } from "../../lib/database/runs/maintenance-runs.ts";
import { DEFAULT_WALK_SETTINGS } from "../../lib/jobs/backlog/backlog-settings.ts";
import { walkBacklog } from "../../lib/jobs/backlog/walk.ts";
import { drainStatisticsOf } from "../../lib/jobs/drain/drain-run.ts";
import { createLogger } from "../../lib/telemetry/logger.ts";
import { coordinateWithoutHosts } from "../../lib/worker/coordinate-without-hosts.ts";
import { openRepairEnvironment } from "../../lib/worker/open-repair-environment.ts";
import { withRepairWorld } from "../with-repair-world.ts";

/** One host that is drained, and eight that take its sectors. */
const HOSTS = 9;
const BUDGET_MS = 300_000;

export function measureDrain({
  sectors,
  latencyMs,
  repairsAtOnce,
}: {
  readonly sectors: number;
  readonly latencyMs: number;
  readonly repairsAtOnce: number;
}): Promise<object> {
  return withRepairWorld(HOSTS, async (world) => {
    const { sql } = world.database;
    const [host] = world.hosts;
    for (let n = 0; n < sectors; n += 1) await world.storeSlab({ minShards: 1, totalShards: 1 });
    for (const { swarm } of world.hosts) await swarm.setSwitches({ latencyMs });
    const ask: Ask = (statements) => statements(sql);
    const scope = { hosts: [host!.row.hostKey], sectors };
    await startRun(sql, { kind: "drain", scope, owner: "bench" });
    const environment = openRepairEnvironment({
      variables: world.variables,
      repairsAtOnce,
      logger: createLogger("warn", { indexer: "default" }),
    });
    const cpuBefore = process.cpuUsage();
    const startedAtMs = systemClock.now();
    const walk = { ...DEFAULT_WALK_SETTINGS, indexdGraceMs: 0 };
    await walkBacklog({ ask, clock: systemClock }, walk, BUDGET_MS);
    const { leases } = await leaseBatch(sql, {
      order: "urgency",
      urgencyAbove: -1,
      waitedMs: 0,
      dangerAbove: 1,
      maxLeases: sectors,
      maxInFlight: null,
      throughQueue: false,
      holdMs: BUDGET_MS,
      graceMs: 0,
    });
    const waiting: RankedLease[] = [...leases];
    const work = async (): Promise<void> => {
      for (let lease = waiting.shift(); lease !== undefined; lease = waiting.shift()) {
        await environment.repair(lease, { id: `bench/${lease.token}`, remainingMs: BUDGET_MS });
      }
    };
    await Promise.all(Array.from({ length: repairsAtOnce }, work));
    const seconds = (systemClock.now() - startedAtMs) / 1_000;
    const cpu = process.cpuUsage(cpuBefore);
    await environment.close();
    const logger = createLogger("warn", { indexer: "default" });
    const signal = new AbortController().signal;
    const run = await coordinateWithoutHosts(
      ask,
      { clock: systemClock, logger, signal, acceptedVersion: undefined },
      1_000,
    );
    const [sums] = await sql<{ hastings: string; read: number; written: number; seconds: number }[]>`
      select sum(hastings)::text as hastings, sum(bytes_read)::float8 as read, sum(bytes_written)::float8 as written,
        sum(extract(epoch from finished_at - began_at))::float8 as seconds
      from slabmend.journal where kind = 'drain'`;
    const { copied, rebuilt } = drainStatisticsOf(run!);
    const perMillion = (value: number): number => Math.round((value * 1_000_000) / copied);
    return {
      sectors,
      copied,
      rebuilt,
      state: run!.state,
      latencyMs,
      repairsAtOnce,
      seconds,
      perSecond: Math.round((copied / seconds) * 10) / 10,
      perMillion: {
        hastings: String((BigInt(sums!.hastings) * 1_000_000n) / BigInt(copied)),
        bytesRead: perMillion(sums!.read),
        bytesWritten: perMillion(sums!.written),
        repairHours: perMillion(sums!.seconds) / 3_600,
        // CPU of this process, which runs the worker, claim, and the hosts' side of the connections.
        cpuHours: perMillion((cpu.user + cpu.system) / 1_000_000) / 3_600,
      },
    };
  });
}
