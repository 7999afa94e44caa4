/**
 * A database that stops answering during claim or reap: it executes the statement, but the answer never arrives. The
 * function reports this within its time limit instead of being killed, and does not repeat the statement.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createKillWorld, type KillWorld } from "../support/kill-world.ts";
import { startSilentDatabase } from "../support/silent-proxy.ts";
import { untilEqual } from "../support/until.ts";

let kill: KillWorld;
beforeAll(async () => {
  kill = await createKillWorld({ hosts: 6 });
});
afterAll(() => kill.stop());

/** A function's time limit: short for the test, but long enough for the work before the silence. */
const TIMEOUT_MS = 6_000;

/**
 * Runs a function with a database that answers until it gets this parameter. A statement with parameters takes two
 * messages: its text, then its parameters, with which it is executed.
 */
async function silencedAt(name: "claim" | "reap", parameter: string) {
  const proxy = await startSilentDatabase(kill.world.database.url);
  const variables = { SLABMEND_DATABASE_URL: proxy.url };
  const worker = await kill.startVictim(name, undefined, variables, TIMEOUT_MS);
  const asked = proxy.fallSilentAt(parameter, "answer");
  const outcome = worker.invoke({});
  await Promise.race([asked, outcome]);
  return { outcome, stop: () => proxy.stop() };
}

test("if the database falls silent, claim and reap still end in time, and their next runs do the remaining work", async () => {
  const { sql } = kill.world.database;
  const slabs = [];
  for (let n = 0; n < 3; n += 1) {
    slabs.push(await kill.world.storeSlab({ minShards: 1, totalShards: 3 }));
    await kill.world.loseSector(slabs[n]!, n);
  }
  // The database falls silent at the batch by urgency, not at a batch for aging, which may come first and find no slab.
  const claiming = await silencedAt("claim", '"order":"urgency"');
  const leases = () => sql`
    select slab_id::text, token::text, sent_at is null as unsent from slabmend.leases order by slab_id`;
  await untilEqual(async () => (await leases()).length, 3);
  const leased = await leases();

  // Simulates that the repair of one leased slab has begun, and that its worker was killed.
  const [dying] = slabs;
  await sql`update slabmend.leases set began_at = leased_at, worker = 'gone', expires_at = clock_timestamp()
    where slab_id = ${String(dying!.id)}`;
  const reaping = await silencedAt("reap", '"decisions"');
  await untilEqual(async () => (await leases()).length, 2);

  const error = { errorType: "StoreError", errorMessage: expect.stringContaining("expected an answer") };
  expect(await claiming.outcome).toMatchObject({ how: "handler-error", error });
  // reap tries its other tasks while there is time, and reports all failures.
  const incomplete = { errorType: "ReapIncompleteError", errorMessage: expect.stringContaining("leases") };
  expect(await reaping.outcome).toMatchObject({ how: "handler-error", error: incomplete });
  expect(leased).toMatchObject(slabs.map(() => ({ unsent: true })));
  await claiming.stop();
  await reaping.stop();

  // reap ends one lease. The next claim sends the other leases, and leases the slab that reap has freed.
  await sql`update slabmend.leases set sending_since = sending_since - interval '1 minute'`;
  await kill.run("reap");
  await kill.run("claim");
  await kill.drainQueue();
  const journal = await sql<{ token: string; outcome: string }[]>`
    select token::text, outcome from slabmend.journal order by id`;
  const tokens = leased.map((row) => row["token"] as string);
  expect(
    journal
      .filter(({ token }) => tokens.includes(token))
      .map(({ outcome }) => outcome)
      .sort(),
  ).toEqual(["crashed", "repaired", "repaired"]);
  await kill.finish();
  expect(await kill.violations(slabs)).toEqual([]);
});
