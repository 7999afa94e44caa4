/**
 * The CPU time that `serve` needs for observers: 50 open consoles and one request for /readyz per second, on a database
 * without a backlog. Measures the HTTP process and the supervising process, from /proc, first without and then with
 * these observers.
 *
 *   npm run bench:serve
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { indexdSchema, NEWEST_VERSION } from "../dev/indexd/indexd-schema.ts";
import { startPostgres } from "../dev/postgres/postgres.ts";
import { migrateDatabase } from "../lib/database/schema/migrate-database.ts";
import { createServeWorld } from "../test/server/serve-world.ts";

const CONSOLES = 50;
const MEASURE_MS = 60_000;
const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"]));

/** CPU seconds that a process has used since its start. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The CPU time of each process within a minute, in percent of one core. */
async function measure(pids: Record<string, number>): Promise<Record<string, number>> {
  const before = Object.entries(pids).map(([name, pid]) => [name, cpuSeconds(pid), pid] as const);
  const startedAt = performance.now();
  await sleep(MEASURE_MS);
  const seconds = (performance.now() - startedAt) / 1_000;
  return Object.fromEntries(
    before.map(([name, used, pid]) => [
      name,
      Math.round(((cpuSeconds(pid) - used) / seconds) * 10_000) / 100,
    ]),
  );
}

const server = await startPostgres({});
const sql = postgres(server.url("postgres"), { max: 1, onnotice: () => {} }) as postgres.Sql;
await sql.unsafe(indexdSchema(NEWEST_VERSION));
await migrateDatabase(sql);
const world = createServeWorld(() => server.url("postgres"));
try {
  const serve = await world.start();
  const { serve: supervisor } = (await (await serve.fetch("/api/v1/workers")).json()) as {
    serve: { pid: number; http: { pid: number } };
  };
  const pids = { http: supervisor.http.pid, supervisor: supervisor.pid };
  await sleep(5_000);
  const without = await measure(pids);
  const ending = new AbortController();
  let events = 0;
  const consoles = Array.from({ length: CONSOLES }, async () => {
    const response = await serve.fetch("/api/v1/events", { signal: ending.signal });
    for await (const chunk of response.body!)
      events +=
        Buffer.from(chunk as Uint8Array)
          .toString()
          .split("event: ").length - 1;
  });
  let scrapes = 0;
  const scraping = setInterval(() => {
    void serve
      .fetch("/readyz")
      .then((answer) => answer.text())
      .then(() => {
        scrapes += 1;
      });
  }, 1_000);
  await sleep(5_000);
  events = 0;
  scrapes = 0;
  const withConsoles = await measure(pids);
  const seen = { events, scrapes };
  clearInterval(scraping);
  ending.abort();
  await Promise.allSettled(consoles);
  console.log(
    JSON.stringify({
      consoles: CONSOLES,
      seconds: MEASURE_MS / 1_000,
      percentOfACore: { without, withConsoles },
      ...seen,
    }),
  );
  await serve.stop();
} finally {
  await world.clean();
  await sql.end();
  await server.stop();
}
