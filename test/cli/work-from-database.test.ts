/** Work without a queue, with a database that stops answering and recovers. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { connect } from "../../lib/database/client/connect.ts";
import { createDeadlineClient } from "../../lib/database/client/deadline-client.ts";
import { DEFAULT_CLAIM_SETTINGS } from "../../lib/jobs/claim/claim-settings.ts";
import { DEFAULT_REAP_SETTINGS } from "../../lib/jobs/reap/reap-settings.ts";
import { parseSlabDigest } from "../../lib/slab/ids.ts";
import { createLogger } from "../../lib/telemetry/logger.ts";
import { createMetrics } from "../../lib/telemetry/metrics.ts";
import { workFromDatabase } from "../../lib/worker/work-from-database.ts";
import { WorkerPool } from "../../lib/worker/worker-pool.ts";
import type { WorkEnd } from "../../lib/worker/worker-slot.ts";
import { useDatabase } from "../support/database.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { LOST, placeOn, seedNetwork, seedSlab } from "../support/seed-indexd.ts";
import { startSilentDatabase } from "../support/silent-proxy.ts";
import { untilEqual } from "../support/until.ts";
import { startCli } from "./cli-process.ts";

const testDatabase = useDatabase();

test("if an outage loses the answer to a claim, a worker gets the claim's lease afterwards, and no call hangs", async () => {
  const { sql } = testDatabase;
  const hosts = await seedNetwork(sql, { hosts: 6 });
  // The digest's first letter makes the substitute worker finish at once.
  const digest = parseSlabDigest("a".repeat(64));
  await seedSlab(sql, { minShards: 1, digest, sectors: [LOST, ...placeOn(hosts.slice(0, 3))] });
  const proxy = await startSilentDatabase(testDatabase.url);
  const clock = createFakeClock();
  const database = createDeadlineClient({ clock, connect: () => connect(proxy.url, "test") });
  const lines: string[] = [];
  const ends: WorkEnd[] = [];
  const ending = new AbortController();
  const entry = fileURLToPath(new URL("./fixtures/obedient-worker.ts", import.meta.url));
  const pool = new WorkerPool({ size: 1, environment: process.env, timeoutMs: 60_000, clock, entry });
  // The database falls silent at the first batch of leases by urgency. A batch for aging slabs may come before it, but
  // finds nothing.
  const asked = proxy.fallSilentAt('"order":"urgency"', "answer");
  const working = workFromDatabase({
    database,
    pool,
    clock,
    claim: { ...DEFAULT_CLAIM_SETTINGS, indexdGraceMs: 0 },
    reap: DEFAULT_REAP_SETTINGS,
    logger: createLogger("info", {
      indexer: "default",
      destination: { write: (line) => void lines.push(line) },
    }),
    metricsOf: (service) => createMetrics({ namespace: "", service }),
    indexer: "default",
    onEnd: (end) => ends.push(end),
    signal: ending.signal,
  });
  await asked;
  const leases = () =>
    sql`select token::text, sent_at is not null as sent from slabmend.leases`.then((rows) => [...rows]);
  await untilEqual(async () => (await leases()).length, 1);
  const [lease] = await leases();
  proxy.recover();
  await clock.advance(20_000);
  const isSaid = () => lines.some((line) => line.includes("tried again") && line.includes("no-answer"));
  await untilEqual(isSaid, true);
  await sql`update slabmend.leases set sending_since = sending_since - interval '1 minute'`;

  await clock.advance(2_000);
  await untilEqual(() => ends.length, 1);
  expect(ends).toMatchObject([{ kind: "ended" }]);
  await untilEqual(leases, [{ ...lease!, sent: true }]);

  ending.abort();
  await working;
  await database.end();
  await proxy.stop();
});

test("a command ends at SIGINT although a silent database never closes the connection", async () => {
  const proxy = await startSilentDatabase(testDatabase.url);
  const asked = proxy.fallSilentAt("global_settings", "answer");
  const cli = startCli(["status"], { SLABMEND_DATABASE_URL: proxy.url });
  await cli.meanwhile(asked);
  cli.child.kill("SIGINT");
  await cli.ended;
  expect(proxy.dead).toMatchObject([{ isLeft: true }]);
  await proxy.stop();
});
