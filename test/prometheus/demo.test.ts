/**
 * A real Prometheus scrapes `serve` on a playground in which hosts go offline and slabs are repaired. Prometheus's
 * values equal the database's, and the right alerts fire while the database is unreachable, which stops the claims.
 */
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import postgres, { type Sql } from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DrivenPlayground, drivePlayground } from "../../dev/playground/drive-playground.ts";
import { grafanaDashboard } from "../../infra/grafana-dashboard.ts";
import type { StatusReport } from "../../lib/reports/status-schema.ts";
import { until, untilEqual } from "../support/until.ts";
import { type Prometheus, startPrometheus } from "./support/prometheus.ts";

/** Five minutes of the rules become 25 seconds, which is longer than the 15 s between idle claims. */
const SCALE = 1 / 12;
const LIMIT_MS = 240_000;
const WAITING = { limitMs: LIMIT_MS, everyMs: 200 };
const SMALL = [
  "--slabs",
  "4",
  "--hosts",
  "10",
  "--min-shards",
  "2",
  "--total-shards",
  "5",
  "--seed",
  "metrics",
];

const stack = new AsyncDisposableStack();
let playground: DrivenPlayground;
let prometheus: Prometheus;
let consoleUrl: string;
let sql: Sql;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "slabmend-prometheus-demo-"));
  // If the test runs as root, PostgreSQL may run as another user, who needs access to the folder.
  await chmod(folder, 0o755);
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  playground = drivePlayground(SMALL, { PATH: process.env["PATH"], TMPDIR: folder });
  stack.defer(async () => {
    playground.type("quit");
    await playground.ended;
  });
  [, consoleUrl = ""] = await playground.sees(/^Its console: (http:\/\/\S+)\/#token=/m);
  const [, file] = await playground.sees(/--variables-file (\S+)$/m);
  const variables = parseEnv(await readFile(file!, "utf8"));
  sql = postgres(variables["SLABMEND_DATABASE_URL"]!, { max: 1, onnotice: () => {} });
  stack.defer(() => sql.end({ timeout: 1 }));
  prometheus = await startPrometheus(new URL(consoleUrl).host, SCALE);
  stack.defer(() => prometheus.stop());
}, LIMIT_MS);
afterAll(() => stack.disposeAsync());

const sentence = async () =>
  ((await (await fetch(`${consoleUrl}/api/v1/status`)).json()) as StatusReport).sentence.text;

/** Sums over the rows of the journal, keyed by the names of the series that must equal them. */
async function journalSums(): Promise<Record<string, number>> {
  const [row] = await sql`
    select count(*) filter (where outcome = 'repaired')::float8 as repaired,
      sum(bytes_read)::float8 as read_bytes_total, sum(bytes_written)::float8 as written_bytes_total,
      sum(hastings / 1e24)::float8 as spent_siacoins_total,
      sum((select count(*) from jsonb_array_elements(moves) m where m->>'how' = 'copied'))::float8 as sectors_copied_total,
      sum((select count(*) from jsonb_array_elements(moves) m where m->>'how' = 'rebuilt'))::float8 as sectors_rebuilt_total
    from slabmend.journal`;
  const { repaired, ...sums } = row as unknown as Record<string, number>;
  return { 'repairs_total{outcome="repaired"}': repaired!, ...sums };
}

test(
  "after repairs the counters equal the journal, and the gauges equal the tables",
  async () => {
    await playground.command("block 1", /^indexd has blocked host 1/m);
    await playground.command("stop 0", /^host 0 is offline/m);
    await playground.command("lose 2", /^host 2 has lost/m);
    const explain = () => playground.text();
    await until(
      async () => Number((await sql`select from slabmend.journal where outcome = 'repaired'`).length),
      (n) => n > 0,
      { ...WAITING, explain },
    );
    await until(sentence, (text) => text === "All 4 slabs are safe", { ...WAITING, explain });
    // The workers' counters arrive with their reports, shortly after the commit.
    const compare = async () => {
      const sums = Object.entries(await journalSums());
      return await Promise.all(
        sums.map(async ([name, value]) => [name, value, await prometheus.value(`slabmend_${name}`)] as const),
      );
    };
    const seen = await until(
      compare,
      (told) =>
        told.every(([, value, series]) => series !== undefined && Math.abs(series - value) <= 1e-9 * value),
      WAITING,
    );
    for (const [name, value] of seen) expect(value, name).toBeGreaterThan(0);
    const ended = async () => (await sql`select from slabmend.journal where outcome <> 'crashed'`).length;
    await untilEqual(
      async () => (await prometheus.value("slabmend_repairs_in_half_hour")) === (await ended()),
      true,
      WAITING,
    );
    for (const [name, value] of [
      ["sum(slabmend_backlog_slabs)", 0],
      ["slabmend_running_leases", 0],
      ["slabmend_circuit_breaker_open", 0],
      ["slabmend_followers_stopped", 0],
      ["slabmend_database_up", 1],
    ] as const) {
      await untilEqual(() => prometheus.value(name), value, WAITING);
    }
    const firing = await prometheus.firing();
    for (const name of ["claim-not-running", "database-away", "server-not-reached"]) {
      expect(firing).not.toContain(name);
    }
  },
  2 * LIMIT_MS,
);

test("every query of the Grafana dashboard returns series", async () => {
  const { panels } = grafanaDashboard() as { panels: { title: string; targets: { expr: string }[] }[] };
  const asked = panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr })));
  expect(asked.length).toBeGreaterThan(20);
  // The values that Grafana would insert.
  const filled = (expr: string) =>
    expr.replaceAll("$indexer", "default").replaceAll("$__rate_interval", "5m");
  const answers = await Promise.all(
    asked.map(async ({ title, expr }) => ({ title, expr, series: await prometheus.count(filled(expr)) })),
  );
  // These series exist only while the database is moved: test/jobs/move-database/failures.slow.test.ts tests them.
  const isOfMove = (expr: string): boolean => expr.includes("slabmend_move_slot_");
  expect(answers.filter(({ expr, series }) => series === 0 && !isOfMove(expr))).toEqual([]);
});

test(
  "while the database is unreachable, and only then, the alerts database-away and claim-not-running fire",
  async () => {
    const both = ["claim-not-running", "database-away"];
    await playground.command("away", /^the database has stopped answering/m);
    await until(
      () => prometheus.firing(),
      (names) => both.every((name) => names.includes(name)),
      WAITING,
    );
    await playground.command("back", /^the database answers/m);
    await until(
      () => prometheus.firing(),
      (names) => !both.some((name) => names.includes(name)),
      WAITING,
    );
  },
  2 * LIMIT_MS,
);
