/**
 * A database that falls silent in the middle of claim or reap: it did what it was asked, and the answer never comes. The function says
 * so within its time, instead of being cut off, and what it asked for is not asked for again.
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

/** Of a function: short, because it is waited for; long enough for what comes before the silence. */
const TIMEOUT_MS = 6_000;

/**
 * A function behind a database that answers everything until it gets this. A statement with parameters takes two messages, its
 * text and then its parameters; only with these it is carried out.
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

test("with a silent database claim and reap end in time, and their next runs finish", async () => {
  const { sql } = kill.world.database;
  const slabs = [];
  for (let n = 0; n < 3; n += 1) {
    slabs.push(await kill.world.storeSlab({ minShards: 1, totalShards: 3 }));
    await kill.world.loseSector(slabs[n]!, n);
  }
  // A batch for aging may come first; it finds nothing.
  const claiming = await silencedAt("claim", '"order":"urgency"');
  const leases = () => sql`
    select slab_id::text, token::text, sent_at is null as unsent from slabmend.leases order by slab_id`;
  await untilEqual(async () => (await leases()).length, 3);
  const leased = await leases();

  // One of them is begun, and its worker dies.
  const [dying] = slabs;
  await sql`update slabmend.leases set began_at = leased_at, worker = 'gone', expires_at = clock_timestamp()
    where slab_id = ${String(dying!.id)}`;
  const reaping = await silencedAt("reap", '"decisions"');
  await untilEqual(async () => (await leases()).length, 2);

  const error = { errorType: "StoreError", errorMessage: expect.stringContaining("expected an answer") };
  expect(await claiming.outcome).toMatchObject({ how: "handler-error", error });
  // reap tries what else there is to do, as long as there is time, and tells all that failed.
  const incomplete = { errorType: "ReapIncompleteError", errorMessage: expect.stringContaining("leases") };
  expect(await reaping.outcome).toMatchObject({ how: "handler-error", error: incomplete });
  expect(leased).toMatchObject(slabs.map(() => ({ unsent: true })));
  await claiming.stop();
  await reaping.stop();

  // What was leased stays so: the next run sends it, and leases what reap has freed.
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
