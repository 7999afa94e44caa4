/** No slab waits forever: simulates days of claims in which every repair fails and urgent slabs never run out. */
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { chooseBatch } from "../../../lib/jobs/claim/choose-batch.ts";
import { clearDatabase, useDatabase } from "../../support/database.ts";
import { LOST, placeOn, type SeededHost, seedNetwork, seedSlabs } from "../../support/seed-indexd.ts";
import { lease, look, walk } from "./backlog-fixture.ts";

const { sql } = useDatabase({ clearAfterEach: true });
let hosts: SeededHost[];
beforeAll(async () => {
  hosts = await seedNetwork(sql, { hosts: 14, seed: (n) => ({ addresses: [`10.0.${n}.1:1`] }) });
});

const LIVE = { beyondRescue: 1, danger: 4, ordinary: 12 } as const;
type Kind = keyof typeof LIVE;
interface Day {
  readonly room: number;
  readonly agingShare: number;
}
const NO_LIMIT = { ordinaryLeft: null, dangerAbove: 1e-4, endangeredDry: false, waitingDry: false };
type Population = Readonly<Record<Kind, number>>;

/** Seeds unhealthy slabs that have all been due for two days. @returns the kind of each slab by its id */
async function populate(population: Population): Promise<Map<string, Kind>> {
  const kinds = (Object.keys(LIVE) as Kind[]).flatMap((kind) =>
    Array.from({ length: population[kind] }, () => kind),
  );
  const slabs = await seedSlabs(sql, {
    minShards: 3,
    slabs: kinds.map((kind) => ({ sectors: [LOST, ...placeOn(hosts.slice(0, LIVE[kind]))] })),
  });
  await walk(sql);
  await sql`update slabmend.backlog set waiting_since = waiting_since - interval '2 days'`;
  return new Map(slabs.map(({ id }, n) => [String(id), kinds[n]!]));
}

/**
 * Simulates a day of batches with one lease each. `agingShare` is the share of batches that are for aging. All repairs
 * fail.
 * @returns the slabs that were leased
 */
async function day({ room, agingShare }: Day): Promise<string[]> {
  const turns: string[] = [];
  for (let n = 0; n < room; n++) {
    const toss = n / room;
    const choice = chooseBatch({ toss, agingShare, maxLeases: 1, ...NO_LIMIT })!;
    turns.push(...(await lease(sql, choice)).leases.map(({ slabId }) => String(slabId)));
  }
  await sql`
    insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, next_repair_attempt)
    select slab_id, digest, 'too-few-sources', clock_timestamp(), clock_timestamp() from slabmend.leases
    on conflict (slab_id) do update set finished_at = excluded.finished_at`;
  await sql`update slabs set next_repair_attempt = clock_timestamp() - interval '1 second' where next_repair_attempt > now()`;
  await sql`delete from slabmend.leases`;
  await sql`update slabmend.backlog set waiting_since = waiting_since - interval '1 day', look_at = now(), ready = false`;
  await sql`update slabmend.repairs set finished_at = finished_at - interval '1 day'`;
  await look(sql);
  return turns;
}

/** For each kind, the longest time in days that a slab of this kind waited for its next lease. */
async function longestWaits(
  kinds: ReadonlyMap<string, Kind>,
  days: number,
  rest: Day,
): Promise<Record<Kind, number>> {
  const last = new Map([...kinds.keys()].map((id) => [id, 0]));
  const longest = { beyondRescue: 0, danger: 0, ordinary: 0 };
  const note = (id: string, now: number): void => {
    const kind = kinds.get(id)!;
    longest[kind] = Math.max(longest[kind], now - last.get(id)!);
  };
  for (let now = 1; now <= days; now++) {
    for (const id of await day(rest)) {
      note(id, now);
      last.set(id, now);
    }
  }
  for (const id of last.keys()) note(id, days);
  return longest;
}

test("many slabs beyond rescue that always fail do not delay other slabs", async () => {
  // Two leases a day are for aging, and one of the two skips slabs beyond rescue.
  const kinds = await populate({ beyondRescue: 8, danger: 30, ordinary: 3 });
  const waits = await longestWaits(kinds, 12, { room: 20, agingShare: 0.1 });
  // At first the urgent slabs have waited as long as the ordinary ones, so aging may lease urgent slabs first. After
  // two days every urgent slab has been leased once, and the ordinary slabs have waited longer.
  expect(waits.ordinary).toBeLessThanOrEqual(2 + 3 + 1);
  expect(waits.beyondRescue).toBeLessThanOrEqual(8 + 3 + 1);
});

test("property: if N days of aging leases suffice for all slabs, no slab waits more than N + 2 days", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        beyondRescue: fc.integer({ min: 0, max: 6 }),
        danger: fc.integer({ min: 0, max: 20 }),
        ordinary: fc.integer({ min: 1, max: 6 }),
      }),
      fc.integer({ min: 1, max: 3 }),
      async (population, pairs) => {
        await clearDatabase(sql);
        const kinds = await populate(population);
        // A day has two leases of the most urgent slabs and twice `pairs` leases for aging. Half of the leases for
        // aging skip slabs beyond rescue.
        const places = { room: 2 * pairs + 2, agingShare: (2 * pairs) / (2 * pairs + 2) };
        const saveable = population.danger + population.ordinary;
        const bounds = {
          saveable: saveable / pairs + 2,
          beyondRescue: (population.beyondRescue + saveable) / pairs + 2,
        };
        const days = Math.min(14, Math.ceil(Math.max(bounds.saveable, bounds.beyondRescue)) + 2);
        const waits = await longestWaits(kinds, days, places);
        expect(Math.max(waits.ordinary, waits.danger)).toBeLessThanOrEqual(bounds.saveable);
        expect(waits.beyondRescue).toBeLessThanOrEqual(bounds.beyondRescue);
      },
    ),
    { numRuns: 6 },
  );
});
