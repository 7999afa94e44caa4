/** A slab whose lease ends between the snapshot for judging and the recording of the result is judged again at once. */
import postgres, { type ISql, type Sql } from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../lib/clock/clock.ts";
import { walkBacklog } from "../../../lib/jobs/backlog/walk.ts";
import { askOf } from "../../support/ask.ts";
import { useDatabase } from "../../support/database.ts";
import { LOST, placeOn, seedNetwork, seedSlab } from "../../support/seed-indexd.ts";
import { backlogRows, lease, walk, walkSettings } from "./backlog-fixture.ts";

const database = useDatabase({ clearAfterEach: true });
const { sql } = database;
let worker: Sql;
beforeAll(async () => {
  worker = postgres(database.url, { max: 1, onnotice: () => {} });
});
afterAll(() => worker.end());

/**
 * Judging makes four queries: for host addresses, for due entries, for the slabs' health, and to record the result. The
 * constants are the numbers of the last two queries.
 */
const HEALTH = 3;
const RECORD = 4;

/** Judges the backlog. The action `before[n]` runs before the n-th query. */
function look(before: Readonly<Record<number, () => Promise<unknown>>> = {}) {
  const ask = askOf(sql);
  let asked = 0;
  return walkBacklog(
    {
      ask: async (statement) => {
        asked += 1;
        await before[asked]?.();
        return await ask(statement);
      },
      clock: systemClock,
    },
    walkSettings(),
    10_000,
    [],
  );
}

async function endLease(as: ISql, id: string): Promise<void> {
  await as`update slabs set next_repair_attempt = clock_timestamp() where id = ${id}`;
  await as`delete from slabmend.leases where slab_id = ${id}`;
}

const begin = () => worker`begin`;
const commit = () => worker`commit`;

test.each<[string, (id: string) => Parameters<typeof look>[0]]>([
  ["after the snapshot", (id) => ({ [RECORD]: () => endLease(worker, id) })],
  [
    "while the snapshot is taken",
    (id) => ({
      [HEALTH]: async () => {
        await begin();
        await endLease(worker, id);
      },
      [RECORD]: commit,
    }),
  ],
])("a slab whose lease ends %s", async (_, before) => {
  const hosts = await seedNetwork(sql, { hosts: 2 });
  const slab = await seedSlab(sql, { minShards: 1, sectors: [LOST, ...placeOn(hosts)] });
  const id = String(slab.id);
  await walk(sql);
  expect((await lease(sql)).leases).toHaveLength(1);
  await sql`update slabmend.backlog set ready = false, look_at = now() - interval '1 second'`;

  expect(await look(before(id))).toMatchObject({ looked: 1, recorded: 1 });
  const [entry] = await backlogRows(sql);
  expect(entry!.ready).toBe(false);
  expect(entry!.look_at.getTime()).toBeLessThanOrEqual(Date.now());
  // The next result is recorded, because nothing changed after its snapshot. So the slab is not judged again and again.
  expect(await look()).toMatchObject({ looked: 1, recorded: 1 });
  expect(await backlogRows(sql)).toMatchObject([{ ready: true }]);
  expect(await look()).toMatchObject({ looked: 0 });
});

test("a slab that stays leased while it is judged is next judged when its lease ends", async () => {
  const hosts = await seedNetwork(sql, { hosts: 2 });
  await seedSlab(sql, { minShards: 1, sectors: [LOST, ...placeOn(hosts)] });
  await walk(sql);
  expect((await lease(sql)).leases).toHaveLength(1);
  await sql`update slabmend.backlog set ready = false, look_at = now() - interval '1 second'`;
  expect(await look()).toMatchObject({ looked: 1, recorded: 1 });
  const [entry] = await backlogRows(sql);
  expect(entry!.look_at.getTime()).toBeGreaterThan(Date.now() + 3_500_000);
});
