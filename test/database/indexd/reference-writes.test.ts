import type { TransactionSql } from "postgres";
import { beforeAll, expect, test } from "vitest";
import type { HostKey, Root } from "../../../lib/slab/ids.ts";
import { useDatabase } from "../../support/database.ts";
import { INDEXD_PUBLISHES } from "../../support/indexd-version.ts";
import {
  LOST,
  placeOn,
  type SeededHost,
  type SeededSlab,
  seedAccount,
  seedNetwork,
  seedObject,
  seedSlabs,
  setScannedHeight,
} from "../../support/seed-indexd.ts";
import { statisticsThatDisagree } from "../../support/seed-statistics.ts";
import {
  markSectorsLost,
  markSlabRepaired,
  migrateSector,
  readWrittenRows,
  recordSlabMigrated,
} from "./reference-writes.ts";
import { rolledBack } from "./rolled-back.ts";

const database = useDatabase({ max: 1 });
let hosts: SeededHost[];
let slab: SeededSlab;
beforeAll(async () => {
  hosts = await seedNetwork(database.sql, { hosts: 5 });
  // Sector 0 is pinned, 1 unpinned, 2 lost, and 3 pinned in a contract past its proof height.
  const sectors = [
    ...placeOn(hosts.slice(0, 1)),
    { hostId: hosts[1]!.id, mapId: null },
    LOST,
    ...placeOn(hosts.slice(3, 4)),
  ];
  const columns = { consecutive_failed_checks: 2 };
  [slab] = (await seedSlabs(database.sql, {
    minShards: 2,
    slabs: [{ sectors: sectors.map((sector) => ({ ...sector, columns })) }],
  })) as [SeededSlab];
  await database.sql`update contracts set proof_height = 500 where id = ${hosts[3]!.contract!.id}`;
  await setScannedHeight(database.sql, 500);
});

const startedAt = new Date();
const root = (index: number): Root => slab.sectors[index]!.root;
const unpinned = async (sql: TransactionSql): Promise<number[]> =>
  (await sql<{ n: number }[]>`select unpinned_sectors as n from hosts order by id`).map(({ n }) => n);

test.each([
  [
    "pinned",
    0,
    { num_migrated_sectors: 1n, num_pinned_sectors: -1n, num_unpinned_sectors: 1n },
    [0, 1, 0, 0, 1],
  ],
  ["unpinned", 1, { num_migrated_sectors: 1n }, [0, 0, 0, 0, 1]],
  [
    "lost",
    2,
    { num_migrated_sectors: 1n, num_unpinnable_sectors: -1n, num_unpinned_sectors: 1n },
    [0, 1, 0, 0, 1],
  ],
])("migrating a sector that was %s", async (_was, index, statistics, unpinnedByHost) => {
  await rolledBack(database.sql, async (sql) => {
    const before = await readWrittenRows(sql, startedAt);
    expect(await migrateSector(sql, root(index), hosts[4]!.hostKey)).toBe(true);
    const after = await readWrittenRows(sql, startedAt);
    expect(after.statistics).toEqual(statistics);
    expect(after.sectors[index]).toEqual({
      ...before.sectors[index],
      host_id: hosts[4]!.id,
      contract_sectors_map_id: null,
      consecutive_failed_checks: 0,
      num_migrated: 1,
      uploaded_at: "now",
    });
    expect(await unpinned(sql)).toEqual(unpinnedByHost);
    expect(await statisticsThatDisagree(sql)).toEqual([]);
  });
});

test("migrating a deleted sector, or any sector to a deleted host, writes nothing", async () => {
  await rolledBack(database.sql, async (sql) => {
    const before = await readWrittenRows(sql, startedAt);
    expect(await migrateSector(sql, root(0), "00".repeat(32) as HostKey)).toBe(false);
    expect(await migrateSector(sql, "00".repeat(32) as Root, hosts[4]!.hostKey)).toBe(false);
    expect(await readWrittenRows(sql, startedAt)).toEqual(before);
  });
});

test.each([
  ["pinned", 0, 1, 0, { num_pinned_sectors: -1n, num_unpinnable_sectors: 1n, num_sectors_lost: 1n }],
  ["unpinned", 1, 1, 1, { num_unpinned_sectors: -1n, num_unpinnable_sectors: 1n, num_sectors_lost: 1n }],
  ["pinned, past its proof height", 3, 0, 0, { num_pinned_sectors: -1n, num_unpinnable_sectors: 1n }],
])("losing a sector that was %s", async (_was, index, hostLost, wasUnpinned, statistics) => {
  await rolledBack(database.sql, async (sql) => {
    const before = await readWrittenRows(sql, startedAt);
    const host = hosts[index]!;
    await markSectorsLost(sql, host.hostKey, [root(index), root(2), root(index === 0 ? 1 : 0)]);
    const after = await readWrittenRows(sql, startedAt);
    expect(after.statistics).toEqual(statistics);
    const { unpinned_sectors } = before.hosts[index] as { unpinned_sectors: number };
    expect(after.hosts[index]).toMatchObject({
      lost_sectors: hostLost,
      unpinned_sectors: unpinned_sectors - wasUnpinned,
    });
    expect(after.sectors).toEqual(
      before.sectors.map((sector, position) =>
        // The lost sector keeps its count of failed checks; sectors on other hosts do not change at all.
        position === index ? { ...sector, host_id: null, contract_sectors_map_id: null } : sector,
      ),
    );
    expect(await statisticsThatDisagree(sql)).toEqual([]);
  });
});

test("a success keeps next_repair_attempt; failures set it 1, 2, 4, 8, 16, then always 24 hours ahead", async () => {
  await rolledBack(database.sql, async (sql) => {
    const at = async (): Promise<unknown> => (await readWrittenRows(sql, new Date())).slabs[0];
    for (const [failed, hours] of [1, 2, 4, 8, 16, 24, 24].entries()) {
      expect(await markSlabRepaired(sql, slab.digest, false)).toBe(true);
      expect(await at()).toMatchObject({
        consecutive_failed_repairs: failed + 1,
        next_repair_attempt: hours * 60,
      });
    }
    await sql`update slabs set consecutive_failed_repairs = 60`;
    await markSlabRepaired(sql, slab.digest, false);
    expect(await at()).toMatchObject({ consecutive_failed_repairs: 61, next_repair_attempt: 24 * 60 });
    await markSlabRepaired(sql, slab.digest, true);
    expect(await at()).toMatchObject({ consecutive_failed_repairs: 0, next_repair_attempt: 24 * 60 });
    expect(await markSlabRepaired(sql, "00".repeat(32) as never, true)).toBe(false);
  });
});

test("a migrated slab bumps only the events of object keys that use it, in all accounts, deleted objects included", async () => {
  await rolledBack(database.sql, async (sql) => {
    const [one, two] = [await seedAccount(sql), await seedAccount(sql)];
    const [other] = await seedSlabs(sql, { slabs: [{ sectors: placeOn(hosts) }] });
    const shared = await seedObject(sql, { accountId: one, slabs: [slab] });
    await sql`
      insert into object_events (object_key, account_id, was_deleted, updated_at)
      values (${shared.objectKey}, ${two}, true, '2020-01-01')`;
    await seedObject(sql, { accountId: two, slabs: [other!] });
    await recordSlabMigrated(sql, slab.digest);
    const events = await sql<{ account: number; bumped: boolean }[]>`
      select account_id::int as account, updated_at is not distinct from
        case when ${INDEXD_PUBLISHES} then null else date_trunc('second', now()) end as bumped
      from object_events order by account_id, was_deleted`;
    expect(events.map(({ account, bumped }) => [account, bumped])).toEqual([
      [one, true],
      [two, false],
      [two, true],
    ]);
  });
});
