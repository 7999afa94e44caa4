/**
 * The next repair of a slab finds the uncommitted uploads of the previous repair, and records them without another
 * upload.
 */
import { expect, test } from "vitest";
import { shardCipher } from "../../../lib/slab/shard-cipher.ts";
import { SECTOR_BYTES } from "../../../lib/slab/sizes.ts";
import { repairSuite } from "../../support/repair-suite.ts";
import type { StoredSlab, WorldHost } from "../../support/repair-world.ts";
import { blockHost } from "../../support/seed-indexd.ts";
import { untilEqual } from "../../support/until.ts";

const suite = repairSuite({ hosts: 10 });

/**
 * Stores a slab with two lost sectors, in the state after a repair that uploaded shards to some spare hosts, recorded
 * these uploads, and then crashed.
 */
async function slabWithUploads(on: readonly number[], age = "1 minute") {
  const slab = await suite.world.storeSlab({ minShards: 2, totalShards: 4 });
  for (const index of [0, 1]) await suite.world.loseSector(slab, index);
  const spare = suite.spare(slab);
  const holders = on.map((index) => spare[index]!);
  for (const [index, holder] of holders.entries()) await store(slab, index, holder);
  for (const { swarm } of suite.world.hosts) await swarm.resetCounters();
  await suite.world.database.sql`update slabmend.uploads set noted_at = now() - ${age}::text::interval`;
  return { slab, holders };
}

async function store(slab: StoredSlab, index: number, { swarm, row }: WorldHost): Promise<void> {
  const { id, root } = slab.sectors[index]!;
  const data = Buffer.from(slab.dataShards[index]!);
  shardCipher(slab.slabKey, index).apply(data, 0);
  await swarm.putSector(root, data);
  await suite.world.database.sql`
    insert into slabmend.uploads (slab_id, sector_id, host_id, token, noted_at)
    values (${String(slab.id)}, ${String(id)}, ${row.id}, gen_random_uuid(), now())`;
}

const notes = async (slab: StoredSlab): Promise<number> => {
  const [row] = await suite.world.database.sql<{ count: number }[]>`
    select count(*)::integer as count from slabmend.uploads where slab_id = ${String(slab.id)}`;
  return row!.count;
};

test("shards stored by an earlier repair are proved and recorded without a rebuild or upload", async () => {
  const { slab, holders } = await slabWithUploads([0, 1]);
  const result = await suite.repair(slab);
  expect(result).toMatchObject({ kind: "repaired", found: 2, rebuilt: 0, copied: 0 });
  expect(await suite.traffic()).toMatchObject({ bytesRead: 128, bytesWritten: 0 });
  expect((await suite.journal(slab))[0]!.moves).toMatchObject(
    holders.map(({ row }, index) => ({ index, how: "found", to: row.hostKey })),
  );
  expect(await suite.world.wrongSectors(slab)).toEqual([]);
  expect(await notes(slab)).toBe(0);
});

test("if a host no longer has an uploaded shard, no loss is recorded, and the host may get it again", async () => {
  const { slab, holders } = await slabWithUploads([0, 1]);
  await holders[0]!.swarm.dropSector(slab.sectors[0]!.root);
  const result = await suite.repair(slab);
  expect(result).toMatchObject({ kind: "repaired", found: 1, rebuilt: 1, lost: 0 });
  expect((await suite.traffic()).bytesWritten).toBe(SECTOR_BYTES);
  expect(await suite.world.wrongSectors(slab)).toEqual([]);
});

test("a host that sends a wrong leaf is not believed", async () => {
  const { slab, holders } = await slabWithUploads([0]);
  await holders[0]!.swarm.setSwitches({ corruptsData: true });
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", found: 0, rebuilt: 2 });
  expect(await suite.world.wrongSectors(slab)).toEqual([]);
});

test("an uploaded shard is found on a full host, and an uploaded shard on a silent host is rebuilt", async () => {
  const { slab, holders } = await slabWithUploads([0, 1]);
  await holders[0]!.swarm.setSwitches({ full: true });
  await suite.world.database.sql`
    insert into slabmend.host_scores (host_key, full_at, faded_at)
    values (decode(${holders[0]!.row.hostKey}, 'hex'), now(), now())`;
  await holders[1]!.swarm.setSwitches({ availability: "silent" });
  expect(await suite.repair(slab, { timesFaster: 4 })).toMatchObject({
    kind: "repaired",
    found: 1,
    rebuilt: 1,
  });
  expect(await suite.world.wrongSectors(slab)).toEqual([]);
});

test.each(["its host is blocked", "it is too old"])("a recorded upload is not used if %s", async (why) => {
  const { slab, holders } = await slabWithUploads([0], why === "it is too old" ? "49 hours" : "1 minute");
  if (why === "its host is blocked") await blockHost(suite.world.database.sql, holders[0]!.row.hostKey);
  expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", found: 0, rebuilt: 2 });
});

test("the heartbeat after an upload writes an upload note with the lease's token, and the commit removes the note", async () => {
  const slab = await suite.world.storeSlab({ minShards: 2, totalShards: 4 });
  await suite.world.loseSector(slab, 0);
  const task = await suite.world.lease(slab);
  let noted: unknown;
  const result = await suite.repairTask(task, {
    settings: { heartbeatMs: 50 },
    at: async (step) => {
      if (step !== "stored") return;
      const { sql } = suite.world.database;
      await untilEqual(() => notes(slab), 1);
      [noted] = await sql`
        select sector_id::text as sector, host_id as host, token::text from slabmend.uploads
        where slab_id = ${String(slab.id)}`;
    },
  });
  expect(result).toMatchObject({ kind: "repaired" });
  const host = (await suite.world.locations(slab))[0]!;
  expect(noted).toEqual({ sector: String(slab.sectors[0]!.id), host: host.row.id, token: task.token });
  expect(await notes(slab)).toBe(0);
});
