/**
 * How long it takes to start, to report and to cancel a run on a large indexer, and how much memory a drain's
 * coordinator needs.
 */
import postgres, { type Sql } from "postgres";
import { startPostgres } from "../../dev/postgres/postgres.ts";
import { resolveRunScope } from "../../lib/cli/command/run-scope.ts";
import { systemClock } from "../../lib/clock/clock.ts";
import type { Ask } from "../../lib/database/client/deadline-client.ts";
import { requestOfRun, startRun } from "../../lib/database/runs/maintenance-runs.ts";
import { readMaintenanceReport } from "../../lib/reports/maintenance.ts";
import { createLogger } from "../../lib/telemetry/logger.ts";
import { coordinateWithoutHosts } from "../../lib/worker/coordinate-without-hosts.ts";
import { generateIndexd } from "../claim/generate-indexd.ts";

const HOSTS = 500;
const SHARDS = 30;
const BUDGET_MS = 20_000;
const MEBIBYTE = 1_048_576;

/** @param sectors number of the indexer's sectors, in 10-of-30 slabs on 500 hosts */
export async function measureRunsAtScale(sectors: number): Promise<object> {
  const server = await startPostgres({ settings: { shared_buffers: "1GB", max_wal_size: "8GB" } });
  try {
    const sql = postgres(server.url("postgres"), { max: 2, onnotice: () => {} }) as Sql;
    const scale = { slabs: Math.ceil(sectors / SHARDS), hosts: HOSTS, minShards: 10, shards: SHARDS };
    const { hosts } = await generateIndexd(sql, scale);
    await sql.unsafe("vacuum analyze");
    const ask: Ask = (statements) => statements(sql);
    const keys = hosts.slice(0, 5).map(({ hostKey }) => hostKey);
    const kinds = {
      verifyHost: { kind: "verify", hosts: keys.slice(0, 1) },
      verifySample: { kind: "verify", hosts: keys.slice(0, 1), sample: true },
      drainFive: { kind: "drain", hosts: keys },
    };
    const result: Record<string, unknown> = { sectors: scale.slabs * SHARDS };
    for (const [name, { kind, ...rest }] of Object.entries(kinds)) {
      result[name] = await measure(sql, ask, kind, { missing: 0.1, confidence: 99, ...rest });
    }
    await sql.end();
    return result;
  } finally {
    await server.stop();
  }
}

async function measure(sql: Sql, ask: Ask, kind: string, options: Parameters<typeof resolveRunScope>[2]) {
  const [startMs] = await timed(async () => {
    const scope = await resolveRunScope(ask, kind, options);
    await startRun(sql, { kind, scope, owner: "bench" });
  });
  const before = process.memoryUsage().heapUsed;
  const coordinate = (limitMs: number) =>
    coordinateWithoutHosts(
      ask,
      {
        clock: systemClock,
        logger: createLogger("warn", { indexer: "default" }),
        signal: new AbortController().signal,
        acceptedVersion: undefined,
      },
      limitMs,
    );
  if (kind === "drain") await coordinate(BUDGET_MS);
  const grownMebibytes = Math.round((10 * (process.memoryUsage().heapUsed - before)) / MEBIBYTE) / 10;
  const [statusMs, report] = await timed(() => readMaintenanceReport(ask, { earlier: 10 }));
  const [cancelMs] = await timed(async () => {
    await requestOfRun(sql, "cancel");
    await coordinate(BUDGET_MS);
  });
  return {
    startMs,
    statusMs,
    cancelMs,
    ...(kind === "drain" ? { left: report.run?.statistics["left"], grownMebibytes } : {}),
  };
}

async function timed<Result>(run: () => Promise<Result>): Promise<[number, Result]> {
  const atMs = performance.now();
  const result = await run();
  return [Math.round(performance.now() - atMs), result];
}
