/** Conditions in indexd's tables that would make every repair fail. */
import { expect, test } from "vitest";
import { findNetworkProblems, readNetworkState } from "../../lib/database/indexd/network-state.ts";
import { useDatabase } from "../support/database.ts";
import { placeOn, seedNetwork, seedSlab } from "../support/seed-indexd.ts";

const database = useDatabase();
const codes = (state: Parameters<typeof findNetworkProblems>[0]) =>
  findNetworkProblems(state).map(({ code }) => code);

test.each([
  ["all is well", { hosts: 9, receivers: 5, lastScanMs: 60_000 }, []],
  ["no host has space", { hosts: 9, receivers: 0, lastScanMs: 60_000 }, ["no-host-takes-sectors"]],
  [
    "a new indexd without hosts",
    { hosts: 0, receivers: 0, lastScanMs: undefined },
    ["no-host-takes-sectors"],
  ],
  ["no scan for four hours", { hosts: 9, receivers: 5, lastScanMs: 4 * 3_600_000 }, ["indexd-not-running"]],
  ["never a scan", { hosts: 9, receivers: 5, lastScanMs: undefined }, ["indexd-not-running"]],
  [
    "as many hosts with space as a slab has sectors",
    { hosts: 9, receivers: 4, lastScanMs: 60_000 },
    ["few-hosts-take-sectors"],
  ],
  [
    "a sector unpinned for seven hours",
    { hosts: 9, receivers: 5, lastScanMs: 60_000, oldestUnpinnedMs: 7 * 3_600_000 },
    ["pins-behind"],
  ],
] as const)("%s", (_name, state, expected) => {
  expect(codes({ oldestUnpinnedMs: undefined, sectorsOfNewestSlab: 4, ...state })).toEqual(expected);
});

test("the network state is read from hosts, contracts and scans", async () => {
  const { sql } = database;
  const hosts = await seedNetwork(sql, { hosts: 4 });
  await sql`update hosts set last_successful_scan = now() - interval '5 minutes'`;
  const well = await readNetworkState(sql);
  expect(well).toMatchObject({ hosts: 4, receivers: 4 });
  expect(codes(well)).toEqual([]);
  await sql`update hosts set settings_remaining_storage = 0, last_successful_scan = now() - interval '1 day'`;
  expect(codes(await readNetworkState(sql))).toEqual(["no-host-takes-sectors", "indexd-not-running"]);
  const unpinned = {
    hostId: hosts[0]!.id,
    mapId: null,
    columns: { uploaded_at: new Date(Date.now() - 86_400_000) },
  };
  await seedSlab(sql, { sectors: [unpinned, ...placeOn(hosts.slice(1))] });
  await sql`update hosts set settings_remaining_storage = 100, last_successful_scan = now()`;
  const state = await readNetworkState(sql);
  expect(state.sectorsOfNewestSlab).toBe(4);
  expect(codes(state)).toEqual(["few-hosts-take-sectors", "pins-behind"]);
});
