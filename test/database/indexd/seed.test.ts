import { expect, test } from "vitest";
import { useDatabase } from "../../support/database.ts";
import {
  LOST,
  placeOn,
  renewContract,
  seedAccount,
  seedNetwork,
  seedObject,
  seedSlabs,
} from "../../support/seed-indexd.ts";
import { foldStatistics, readStatistics, statisticsThatDisagree } from "../../support/seed-statistics.ts";

const database = useDatabase();

test("seeded rows agree with the statistics, including lost, unpinned and shared sectors", async () => {
  const { sql } = database;
  const hosts = await seedNetwork(sql, { hosts: 4 });
  const [first] = await seedSlabs(sql, {
    minShards: 2,
    slabs: [
      { sectors: [...placeOn(hosts.slice(0, 2)), { hostId: hosts[2]!.id, mapId: null }, LOST] },
      { sectors: placeOn(hosts), columns: { consecutive_failed_repairs: 3 } },
    ],
  });
  await seedSlabs(sql, {
    slabs: [{ sectors: [{ ...LOST, root: first!.sectors[0]!.root }, ...placeOn(hosts.slice(1, 2))] }],
  });
  await renewContract(sql, hosts[0]!.id, hosts[0]!.contract!);
  const accountId = await seedAccount(sql);
  await seedObject(sql, { accountId, slabs: [first!] });

  expect(await statisticsThatDisagree(sql)).toEqual([]);
  expect(await readStatistics(sql)).toMatchObject({
    num_slabs: 3n,
    num_pinned_sectors: 7n,
    num_unpinned_sectors: 1n,
    num_unpinnable_sectors: 1n,
  });
  expect(first!.sectors.map((sector) => typeof sector.id)).toEqual(["bigint", "bigint", "bigint", "bigint"]);

  await sql`insert into stats_deltas (stat_name, stat_delta) values ('num_slabs', -1)`;
  expect(await statisticsThatDisagree(sql)).toEqual(["num_slabs: said 2, counted 3"]);
  await sql`insert into stats_deltas (stat_name, stat_delta) values ('num_slabs', -3)`;
  await expect(foldStatistics(sql)).rejects.toThrow(/stats_stat_value_check/);
  await sql`update stats_deltas set stat_delta = 0`;
  await foldStatistics(sql);
  expect(await sql`select 1 from stats_deltas`).toHaveLength(0);
});
