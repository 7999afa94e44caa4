/** Slabs that cannot be read within a snapshot's time limit are skipped and counted, and do not block others. */
import postgres from "postgres";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../lib/clock/clock.ts";
import { claim } from "../../../lib/jobs/claim/claim.ts";
import { askOf } from "../../support/ask.ts";
import { clearDatabase, useDatabase } from "../../support/database.ts";
import {
  LOST,
  placeOn,
  type SeededHost,
  type SeededSlab,
  seedAccount,
  seedNetwork,
  seedSlabs,
} from "../../support/seed-indexd.ts";
import { recordingQueue, settings } from "../claim/claim-fixture.ts";
import { backlogRows, walk, walkSettings } from "./backlog-fixture.ts";

const database = useDatabase();
const { sql } = database;
let hosts: SeededHost[];
let slabs: SeededSlab[];
let slow: string;
beforeAll(async () => {
  hosts = await seedNetwork(sql, { hosts: 6, seed: (n) => ({ addresses: [`10.0.${n}.1:1`] }) });
  await sql.unsafe(`
    create table slow_slabs (slab_id bigint primary key);
    create function answer_slowly(the_slab bigint) returns boolean language plpgsql volatile cost 100000 as $$
    begin
      if exists (select from slow_slabs s where s.slab_id = the_slab) then perform pg_sleep(10); end if;
      return true;
    end $$`);
});

/** Five slabs; reading the third takes ten seconds, because the query for its accounts waits. */
beforeEach(async () => {
  slabs = await seedSlabs(sql, {
    minShards: 2,
    slabs: Array.from({ length: 5 }, () => ({ sectors: [LOST, ...placeOn(hosts.slice(0, 4))] })),
  });
  slow = String(slabs[2]!.id);
  const accountId = await seedAccount(sql);
  for (const { id } of slabs) await sql`insert into account_slabs values (${accountId}, ${String(id)})`;
  await sql`insert into slow_slabs values (${slow})`;
});
afterEach(async () => {
  await sql`truncate slow_slabs`;
  await clearDatabase(sql);
});

/** Runs `work` while the query for the third slab's accounts waits. */
async function slowly<Result>(work: () => Promise<Result>): Promise<Result> {
  await sql.unsafe(`
    alter table account_slabs rename to account_slabs_stored;
    create view account_slabs as select * from account_slabs_stored where answer_slowly(slab_id)`);
  try {
    return await work();
  } finally {
    await sql.unsafe("drop view account_slabs; alter table account_slabs_stored rename to account_slabs");
  }
}

/** So long that a stall of the machine cancels no other read. */
const fast = { longestReadMs: 1_500 };
const idsOf = (rows: readonly { slab_id: string }[]): string[] => rows.map(({ slab_id }) => slab_id);
const others = (): string[] => slabs.map(({ id }) => String(id)).filter((id) => id !== slow);

test("the walk skips a slab that cannot be judged in time, and records it in the next pass", async () => {
  const report = await slowly(() => walk(sql, walkSettings(fast), ["lost"]));
  expect(report).toMatchObject({ recorded: 4, unjudged: 1, finished: 1, stopped: "rested" });
  expect(idsOf(await backlogRows(sql))).toEqual(others());
  expect(await walk(sql, walkSettings(fast), ["lost"])).toMatchObject({ recorded: 5, unjudged: 0 });
});

test("if a healthy slab cannot be judged again in time, its entry stays; entries of other healthy slabs are removed", async () => {
  await walk(sql, walkSettings(), ["lost"]);
  // All slabs are healthy again. The entries of the slow slab and of another slab are due.
  await sql`update sectors set host_id = ${hosts[5]!.id}, contract_sectors_map_id = ${hosts[5]!.contract!.mapId}
    where host_id is null`;
  await sql`update slabmend.backlog set ready = false, look_at = now() - interval '1 minute'
    where slab_id in (${slow}, ${others()[3]!})`;
  const report = await slowly(() => walk(sql, walkSettings(fast), ["lost"]));
  expect(report).toMatchObject({ unjudged: 2, looked: 1, finished: 1 });
  const [left, ...none] = await backlogRows(sql);
  expect([left!.slab_id, none]).toEqual([slow, []]);
  // Not at once again.
  expect(left!.look_at.getTime()).toBeGreaterThan(Date.now() + 300_000);
  expect(await walk(sql, walkSettings(), ["lost"])).toMatchObject({ removed: 1, unjudged: 0 });
});

test("while no slab can be read, the walk gives up, and claim pauses instead of starting another round at once", async () => {
  const locker = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    await locker.begin(async (tx) => {
      await tx`lock table slab_sectors in access exclusive mode`;
      // The lock blocks every read, so a short limit cancels none by mistake.
      const report = await claim(
        { ask: askOf(sql), queue: recordingQueue(), clock: systemClock },
        settings({ walk: walkSettings({ longestReadMs: 250 }), walkBudgetMs: 30_000, topUpMs: 60_000 }),
        40_000,
      );
      expect(report).toMatchObject({ rounds: 1, leased: 0, stopped: "deadline" });
    });
  } finally {
    await locker.end();
  }
  expect(await walk(sql, walkSettings(), ["lost"])).toMatchObject({ recorded: 5 });
});
