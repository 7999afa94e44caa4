/** One indexer's claim, reap and workers under supervision, on a real database. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { systemClock } from "../../lib/clock/clock.ts";
import { connect } from "../../lib/database/client/connect.ts";
import { listWorkers } from "../../lib/database/fleet/workers.ts";
import { DEFAULT_CLAIM_SETTINGS } from "../../lib/jobs/claim/claim-settings.ts";
import { DEFAULT_REAP_SETTINGS } from "../../lib/jobs/reap/reap-settings.ts";
import { parseSlabDigest } from "../../lib/slab/ids.ts";
import { createLogger } from "../../lib/telemetry/logger.ts";
import { createMetrics } from "../../lib/telemetry/metrics.ts";
import { IndexerLoop, type IndexerLoopOptions } from "../../lib/worker/indexer-loop.ts";
import { useDatabase } from "../support/database.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { LOST, placeOn, seedNetwork, seedSlab } from "../support/seed-indexd.ts";
import { until, untilEqual } from "../support/until.ts";

const { sql, url } = useDatabase();
const workerEntry = fileURLToPath(new URL("../cli/fixtures/obedient-worker.ts", import.meta.url));

function createLoop(options: Partial<IndexerLoopOptions> = {}, lines: string[] = []): IndexerLoop {
  return new IndexerLoop({
    indexer: "default",
    connect: () => connect(url, "test"),
    workerEnvironment: process.env,
    concurrency: 1,
    timeoutMs: 60_000,
    acceptedVersion: undefined,
    claim: { ...DEFAULT_CLAIM_SETTINGS, indexdGraceMs: 0 },
    reap: DEFAULT_REAP_SETTINGS,
    clock: systemClock,
    logger: createLogger("info", {
      indexer: "default",
      destination: { write: (line) => void lines.push(line) },
    }),
    metricsOf: (service) => createMetrics({ namespace: "", service }),
    workerEntry,
    ...options,
  });
}

test("two indexer loops on one database share the leases, and leave no row and no lease when they end", async () => {
  const hosts = await seedNetwork(sql, { hosts: 6 });
  // The digest's first letter makes the substitute worker finish at once.
  const digest = parseSlabDigest("a".repeat(64));
  await seedSlab(sql, { minShards: 1, digest, sectors: [LOST, ...placeOn(hosts.slice(0, 3))] });
  const lines: string[] = [];
  const loop = createLoop({}, lines);
  loop.start();
  await until(() => Object.keys(loop.health().done.outcomes).length > 0);
  expect(loop.health()).toMatchObject({ state: "working", trouble: null, claim: { failures: 0 } });

  const other = createLoop();
  other.start();
  const alive = async () => (await listWorkers(sql)).map(({ command, isAlive }) => ({ command, isAlive }));
  await untilEqual(alive, Array(2).fill({ command: "serve", isAlive: true }));
  await other.drain();
  expect(await alive()).toEqual([{ command: "serve", isAlive: true }]);
  const report = await loop.drain();
  expect(report.crashed).toBe(0);
  expect(await alive()).toEqual([]);
  expect(loop.health()).toMatchObject({ state: "ended", running: 0 });
  expect(loop.health().workers.map(({ pid }) => pid)).toEqual([null]);
});

test("a crash-looping worker is reported, restarted with growing pauses, and gets no leases", async () => {
  const clock = createFakeClock();
  const loop = createLoop({ clock, workerEnvironment: { ...process.env, EXIT_AT_ONCE: "1" } });
  loop.start();
  for (const restarts of [0, 1, 2, 3]) {
    await until(
      () => loop.health().workers[0]!.restarts === restarts && loop.health().workers[0]!.pid === null,
    );
    await until(() => loop.health().trouble !== null);
    if (restarts < 3)
      await until(() => clock.advance(1_000).then(() => loop.health().workers[0]!.restarts > restarts));
  }
  expect(loop.health()).toMatchObject({ state: "starting", trouble: { code: "worker-failed" } });
  expect(loop.health().workers).toMatchObject([{ name: "worker 1", lastExit: "exit code 1" }]);
  expect(loop.health().workers[0]!.crashLoopingSinceMs).toBeTypeOf("number");
  expect(await sql`select from slabmend.leases where began_at is null and leased_at > now()`).toEqual([]);
  await loop.drain();
});

test("a hanging claim is abandoned when the loop restarts", async () => {
  const clock = createFakeClock();
  const begun: AbortSignal[] = [];
  const work: IndexerLoopOptions["work"] = async ({ signal }) => {
    begun.push(signal);
    await new Promise(() => {});
  };
  const loop = createLoop({ clock, work });
  loop.start();
  await until(() => begun.length === 1 && loop.health().state === "working");
  loop.restart();
  expect(begun[0]!.aborted).toBe(true);
  await until(() => clock.advance(1_000).then(() => begun.length === 2));
  expect(loop.health()).toMatchObject({ state: "working", restarts: 1, claim: { endedAtMs: null } });
  const drained = loop.drain();
  await until(() => clock.advance(1_000).then(() => loop.health().state === "ended"));
  await drained;
});

test("a permanent problem is reported and retried until an operator fixes it", async () => {
  await sql`alter table slabmend.budget rename to budget_away`;
  const clock = createFakeClock();
  const loop = createLoop({ clock });
  loop.start();
  const { trouble } = await until(
    () => loop.health(),
    (health) => health.trouble !== null,
  );
  expect(trouble).toMatchObject({ code: "lacks-right" });
  await sql`alter table slabmend.budget_away rename to budget`;
  await until(() => clock.advance(1_000).then(() => loop.health().claim.endedAtMs !== null));
  expect(loop.health().trouble).toBeNull();
  await loop.drain();
});
