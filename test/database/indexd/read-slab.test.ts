import postgres from "postgres";
import { beforeAll, expect, test } from "vitest";
import { readSlab, readSlabByDigest } from "../../../lib/database/indexd/read-slab.ts";
import type { SlabDigest, SlabId } from "../../../lib/slab/ids.ts";
import { useDatabase } from "../../support/database.ts";
import {
  LOST,
  placeOn,
  renewContract,
  type SeededHost,
  seedNetwork,
  seedSlab,
  seedSlabs,
} from "../../support/seed-indexd.ts";

const database = useDatabase();
let hosts: SeededHost[];
beforeAll(async () => {
  hosts = await seedNetwork(database.sql, { hosts: 8 });
});

test("a slab with a pinned, an unpinned and a lost sector is read by id and by digest", async () => {
  const { sql } = database;
  const encryptionKey = new Uint8Array(32).fill(5);
  const seeded = await seedSlab(sql, {
    minShards: 2,
    encryptionKey,
    sectors: [...placeOn(hosts.slice(0, 1)), { hostId: hosts[1]!.id, mapId: null }, LOST],
    columns: { version: 1, consecutive_failed_repairs: 4 },
  });
  const slab = await readSlab(sql, seeded.id);
  expect(slab).toEqual({
    id: seeded.id,
    digest: seeded.digest,
    version: 1,
    minShards: 2,
    encryptionKey,
    consecutiveFailedRepairs: 4,
    sectors: [
      {
        hostId: hosts[0]!.id,
        contractMapId: hosts[0]!.contract!.mapId,
        contractId: hosts[0]!.contract!.contractId,
      },
      { hostId: hosts[1]!.id, contractMapId: null, contractId: null },
      { hostId: null, contractMapId: null, contractId: null },
    ].map((place, index) => ({
      ...place,
      index,
      sectorId: seeded.sectors[index]!.id,
      root: seeded.sectors[index]!.root,
      denials: 0,
      earlierHostIds: [],
      neighbourHostIds: [],
    })),
  });
  expect(await readSlabByDigest(sql, seeded.digest)).toEqual(slab);

  const pooled = postgres(database.url, { max: 1, prepare: false, fetch_types: false });
  try {
    expect(await readSlab(pooled, seeded.id)).toEqual(slab);
    expect(await readSlabByDigest(pooled, seeded.digest)).toEqual(slab);
  } finally {
    await pooled.end();
  }
});

test("reading an unknown slab gives undefined", async () => {
  expect(await readSlab(database.sql, 999_999n as SlabId)).toBeUndefined();
  expect(await readSlabByDigest(database.sql, "ab".repeat(32) as SlabDigest)).toBeUndefined();
});

test("after a contract was renewed, the sectors in it have the same map id, but the new contract", async () => {
  const seeded = await seedSlab(database.sql, { minShards: 1, sectors: placeOn(hosts.slice(7, 8)) });
  const renewed = await renewContract(database.sql, hosts[7]!.id, hosts[7]!.contract!);
  const slab = await readSlab(database.sql, seeded.id);
  expect(slab!.sectors[0]).toMatchObject({ contractMapId: renewed.mapId, contractId: renewed.contractId });
});

test("for a shared sector readSlab lists each host of its other slabs once, but not the sector's own host", async () => {
  const { sql } = database;
  const [first] = await seedSlabs(sql, { minShards: 1, slabs: [{ sectors: placeOn(hosts.slice(0, 2)) }] });
  const share = { ...LOST, root: first!.sectors[0]!.root };
  await seedSlabs(sql, {
    minShards: 1,
    slabs: [
      { sectors: [share, ...placeOn(hosts.slice(2, 4)), LOST] },
      { sectors: [...placeOn(hosts.slice(3, 5)), share] },
      { sectors: placeOn(hosts.slice(5, 6)) },
    ],
  });
  const slab = await readSlab(sql, first!.id);
  expect(slab!.sectors[0]!.neighbourHostIds).toEqual([2, 3, 4].map((n) => hosts[n]!.id));
  expect(slab!.sectors[1]!.neighbourHostIds).toEqual([]);
});

test("if over 200 slabs share a sector, readSlab lists only some of their hosts; the commit considers all hosts", async () => {
  const { sql } = database;
  const shared = await seedSlab(sql, { minShards: 1, sectors: placeOn(hosts.slice(0, 1)) });
  const many = await seedNetwork(sql, { hosts: 210 });
  const share = { ...LOST, root: shared.sectors[0]!.root };
  await seedSlabs(sql, {
    minShards: 1,
    slabs: many.map((host) => ({ sectors: [share, ...placeOn([host])] })),
  });
  const slab = await readSlab(sql, shared.id);
  expect(slab!.sectors[0]!.neighbourHostIds).toHaveLength(200);
});

test("a slab without sectors is read", async () => {
  const seeded = await seedSlab(database.sql, { minShards: 10, sectors: [] });
  expect(await readSlab(database.sql, seeded.id)).toMatchObject({ minShards: 10, sectors: [] });
});

test("a slab of 256 sectors is read, a slab of 257 sectors is refused", async () => {
  const { sql } = database;
  const lost = (count: number) => Array.from({ length: count }, () => LOST);
  const largest = await seedSlab(sql, { minShards: 85, sectors: lost(256) });
  expect((await readSlab(sql, largest.id))!.sectors).toHaveLength(256);
  const larger = await seedSlab(sql, { minShards: 85, sectors: lost(257) });
  await expect(readSlab(sql, larger.id)).rejects.toMatchObject({
    code: "malformed-row",
    message: `slab ${larger.id}: expected at most 256 sectors, got more`,
  });
});

test.each([
  [
    "a gap in its indices",
    (sql: postgres.Sql, id: SlabId) => sql`
    update slab_sectors set slab_index = 5 where slab_id = ${String(id)} and slab_index = 1`,
  ],
  [
    "indices that start at one",
    (sql: postgres.Sql, id: SlabId) => sql`
    delete from slab_sectors where slab_id = ${String(id)} and slab_index = 0`,
  ],
  [
    "a key that is too short",
    (sql: postgres.Sql, id: SlabId) => sql`
    update slabs set encryption_key = '\\xdeadbeef' where id = ${String(id)}`,
  ],
  [
    "a root that is too short",
    (sql: postgres.Sql, id: SlabId) => sql`
    update sectors set sector_root = '\\xdeadbeef' where id =
      (select sector_id from slab_sectors where slab_id = ${String(id)} and slab_index = 0)`,
  ],
])("a slab with %s is a typed error without the key", async (_name, spoil) => {
  const seeded = await seedSlab(database.sql, { minShards: 1, sectors: placeOn(hosts.slice(0, 2)) });
  await spoil(database.sql, seeded.id);
  const refusal = await readSlab(database.sql, seeded.id).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: "malformed-row" });
  expect(JSON.stringify(refusal) + String(refusal)).not.toContain("deadbeef");
});
