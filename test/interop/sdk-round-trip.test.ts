/**
 * The official SDK stores objects, slabmend repairs their slabs, and the official SDK reads the objects. Some runs use
 * hosts of dev/swarm, whose code is ours; other runs use hosts made of the official crates.
 */
import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { plantedLosses } from "../../dev/demo/check-losses.ts";
import { findViolations } from "../../dev/demo/check-outcome.ts";
import { inflictDamage } from "../../dev/demo/inflict-damage.ts";
import { isMoved } from "../../dev/demo/plan-losses.ts";
import { seededRandom } from "../../dev/demo/seeded-random.ts";
import { parseRoot, type Root } from "../../lib/slab/ids.ts";
import { installedPeer, type Peer } from "./support/peers.ts";
import { CODE, planSlabDamage, type SlabDamage } from "./support/plan-losses.ts";
import { type RepairedBy, repairWorld } from "./support/repair-world.ts";
import { type SdkWorld, type StoredObject, sha256, startSdkWorld } from "./support/sdk-world.ts";

const RUNS: readonly (readonly [sdk: Peer, hosts: "dev/swarm" | "the official crates", by: RepairedBy])[] = [
  ["sia-storage-0.13.1", "dev/swarm", "functions"],
  ["sia-storage-0.13.1", "the official crates", "work"],
  ["sia-storage-0.12.0", "the official crates", "functions"],
  ["sia-storage-0.12.0", "dev/swarm", "work"],
];

describe.each(RUNS)("objects of %s on hosts of %s, repaired by %s", (sdk, hostsOf, by) => {
  test("are read back byte for byte, even from only the sectors that slabmend moved", async (context) => {
    const environment = installedPeer(context, sdk);
    const rustHost = hostsOf === "dev/swarm" ? undefined : installedPeer(context, "rust-host");
    const seed = randomUUID();
    console.log(`${sdk}, ${hostsOf}, ${by}: seed ${seed}`);
    const world = await startSdkWorld({ seed, environment, rustHost, workers: 2 });
    try {
      await roundTrip(world, seed, by);
    } finally {
      await world.stop();
    }
  });
});

async function roundTrip(world: SdkWorld, seed: string, by: RepairedBy): Promise<void> {
  const { sql, client, hosts } = world;
  const objects = await world.storeObjects();
  await expectReadable(world, objects);
  await world.allPinned();

  const { slabs, placement } = await world.readSlabs();
  const plan = planSlabDamage(placement, seededRandom(seed, "damage"));
  const damage = await inflictDamage(sql, plan, hosts, slabs);
  // The SDK stores only on good hosts, so no sector of this object needs to move.
  const untouched = await world.storeObject("untouched", 500_000);
  await expect.poll(() => seenEvents(world), { timeout: 10_000 }).toContain(untouched.id);
  const { cursor } = await client.events();
  const follower = client.follow();

  const repaired = await repairWorld(by, world, damage);
  expect(repaired.openSectors).toBe(0);
  expect(
    await findViolations(sql, {
      ...repaired,
      hosts,
      slabs: (await world.readSlabs()).slabs,
      planted: plantedLosses(plan, hosts, slabs),
      forgetful: new Set(),
      left: new Set(hosts.filter((_, number) => isMoved(plan.fates[number]!)).map(({ row }) => row.id)),
    }),
  ).toEqual([]);
  await expectEvents(world, { moved: objects, cursor });
  const current = await client.locate([...objects, untouched].map(({ id }) => id));
  expect(await follower.stop()).toEqual(current);
  await expectReadable(world, [...objects, untouched]);

  await dropWhatWasNotWritten(world);
  await expectReadable(world, objects);
  expect(await client.download([untouched.id])).toEqual([{ error: expect.stringContaining("not enough") }]);
  await leaveTooFewSectors(world, plan);
  expect(await client.download([objects[0]!.id])).toEqual([{ error: expect.stringContaining("not enough") }]);

  expect(await world.stopIndexd()).toBeUndefined();
  expect(world.api.faults).toEqual([]);
  const counters = await Promise.all(hosts.map(({ swarm }) => swarm.counters()));
  expect(counters.flatMap(({ faults }) => faults)).toEqual([]);
}

async function expectReadable({ client }: SdkWorld, objects: readonly StoredObject[]): Promise<void> {
  expect(await client.download(objects.map(({ id }) => id))).toEqual(
    objects.map(({ content }) => ({ bytes: content.length, sha256: sha256(content), hasMetadata: true })),
  );
}

async function seenEvents({ client }: SdkWorld): Promise<string[]> {
  return (await client.events()).events.map(({ id }) => id);
}

/**
 * Expects one event after the cursor for each moved object, and no other events. It polls, because an event stays
 * invisible until the clock second in which it happened is over.
 */
async function expectEvents(
  { client }: SdkWorld,
  { moved, cursor }: { readonly moved: readonly StoredObject[]; readonly cursor: Cursor | null },
): Promise<void> {
  const behindCursor = async () => (await client.events(cursor ?? undefined)).events;
  await expect.poll(async () => (await behindCursor()).length, { timeout: 10_000 }).toBe(moved.length);
  expect((await behindCursor()).toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
    moved.map(({ id }) => ({ id, deleted: false })).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  );
}
type Cursor = NonNullable<Awaited<ReturnType<SdkWorld["client"]["events"]>>["cursor"]>;

async function dropWhatWasNotWritten({ sql, hosts }: SdkWorld): Promise<void> {
  const rows = await sql<{ root: string; host_id: number }[]>`
    select encode(sector_root, 'hex') as root, host_id from sectors where num_migrated = 0`;
  expect(rows.length).toBeGreaterThan(0);
  for (const { root, host_id } of rows) await dropSector(hosts, host_id, parseRoot(root));
}

/**
 * Drops moved sectors of the first slab from honest hosts, until honest hosts have one sector fewer than the SDK needs
 * to read this slab.
 */
async function leaveTooFewSectors({ sql, hosts }: SdkWorld, { fates }: SlabDamage): Promise<void> {
  const rows = await sql<{ root: string; host_id: number }[]>`
    select encode(x.sector_root, 'hex') as root, x.host_id
    from slab_sectors ss join sectors x on x.id = ss.sector_id
    where ss.slab_id = (select min(id) from slabs) and x.num_migrated > 0 order by ss.slab_index`;
  const honest = rows.filter(({ host_id }) => {
    const number = hosts.findIndex(({ row }) => row.id === host_id);
    return fates[number] === "fine";
  });
  expect(honest.length).toBeGreaterThanOrEqual(CODE.dataShards);
  for (const { root, host_id } of honest.slice(CODE.dataShards - 1)) {
    await dropSector(hosts, host_id, parseRoot(root));
  }
}

async function dropSector(hosts: SdkWorld["hosts"], hostId: number, root: Root): Promise<void> {
  const host = hosts.find(({ row }) => row.id === hostId);
  // An offline host has nothing to drop.
  await host?.swarm.dropSector(root);
}
