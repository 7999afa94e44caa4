/**
 * Scans of hosts on loopback. After the backup was made, indexd itself moved sectors, and no archive has these moves.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { beginRestore, placeSectors } from "../../../lib/database/restore/restore-writes.ts";
import {
  cancelAttendedRun,
  readRuns,
  readUnfinishedRun,
  takeRun,
} from "../../../lib/database/runs/maintenance-runs.ts";
import { restoreKind } from "../../../lib/jobs/restore/restore-kind.ts";
import { restoreStatisticsOf } from "../../../lib/jobs/restore/restore-run.ts";
import { SECTOR_BYTES } from "../../../lib/slab/sizes.ts";
import {
  createRepairWorld,
  type RepairWorld,
  type StoredSlab,
  type WorldHost,
} from "../../support/repair-world.ts";
import { statisticsThatDisagree } from "../../support/seed-statistics.ts";
import { advanceRestore, advanceWithKills, knowContract } from "./restore-fixture.ts";

let world: RepairWorld;
let slab: StoredSlab;

beforeEach(async () => {
  world = await createRepairWorld({ hosts: 6 });
  slab = await world.storeSlab({ minShards: 2, totalShards: 4 });
});
afterEach(() => world?.stop());

/** Moves a sector as indexd does: the old host keeps no copy. The sizes of the hosts' contracts are set by `begin`. */
async function moveByIndexd(index: number, to: WorldHost): Promise<void> {
  const { root } = slab.sectors[index]!;
  const from = slab.hosts[index]!;
  await to.swarm.putSector(root, Buffer.from(await from.swarm.readSectorFile(root)));
  await from.swarm.dropSector(root);
}

/**
 * @param sectors number of sectors in each host's contract, by the host's index in the world
 * @param expected number of sectors to be scanned
 */
async function begin(probes: number, sectors: readonly number[] = [], expected = 4): Promise<void> {
  for (const [n, host] of world.hosts.entries()) {
    await knowContract(world, host, { sizeBytes: BigInt(sectors[n] ?? 0) * BigInt(SECTOR_BYTES) });
  }
  const scan = { sectors: expected, hosts: 6, probes };
  const request = { scope: { archive: null, scan, contracts: 6 }, owner: "test", archivedIncarnation: 0 };
  await beginRestore(world.database.sql, request);
}

async function scanned() {
  const run = await advanceRestore(world, undefined);
  expect(run).toMatchObject({ state: "done", error: null });
  expect(await statisticsThatDisagree(world.database.sql)).toEqual([]);
  return restoreStatisticsOf(run!);
}

const whereItIs = async () => (await world.locations(slab)).map((host) => host && world.hosts.indexOf(host));

test("a scan finds, proves and places sectors that indexd itself moved", async () => {
  await moveByIndexd(0, world.hosts[5]!);
  await moveByIndexd(1, world.hosts[0]!);
  await world.loseSector(slab, 2);
  await begin(100, [2, 1, 1, 1, 0, 9]);
  const found = await scanned();
  expect(found).toMatchObject({ source: "scan", sectorsScanned: 4, alreadyRight: 1, placed: 2, notFound: 1 });
  expect(found).toMatchObject({ denied: 0, refused: {}, unanswered: {}, probesSpent: false });
  expect(Number(found.hastings)).toBeGreaterThan(0);
  expect(await whereItIs()).toEqual([5, 0, undefined, 3]);
  const journal = await world.database
    .sql`select kind, jsonb_array_length(moves) as moves from slabmend.journal`;
  expect(journal).toEqual([{ kind: "restore", moves: 2 }]);
});

test("a sector found on no host keeps its location, with an open denial", async () => {
  await world.hosts[0]!.swarm.dropSector(slab.sectors[0]!.root);
  await begin(100);
  expect(await scanned()).toMatchObject({ placed: 0, notFound: 1, denied: 1 });
  expect(await whereItIs()).toEqual([0, 1, 2, 3]);
  const denials = await world.database.sql`select host_id, state from slabmend.denials`;
  expect(denials).toEqual([{ host_id: world.hosts[0]!.row.id, state: "open" }]);
});

test.for([
  { name: "before a page that they do not suffice for", probes: 7, grown: 5, sectorsScanned: 0, placed: 0 },
  {
    name: "at a host that has it, because its contract grew",
    probes: 9,
    grown: 5,
    sectorsScanned: 8,
    placed: 1,
  },
  { name: "at another host, whose contract grew", probes: 9, grown: 4, sectorsScanned: 8, placed: 0 },
])("a scan of eight sectors with $probes probes ends $name", async (expected) => {
  const { probes, grown, sectorsScanned, placed } = expected;
  await moveByIndexd(0, world.hosts[5]!);
  await world.storeSlab({ minShards: 2, totalShards: 4 });
  // Every contract has the size of two sectors, one of each slab; only the contract of host `grown` has the size of
  // three.
  await begin(
    probes,
    world.hosts.map((_host, n) => (n === grown ? 3 : 2)),
  );
  const found = await scanned();
  expect(found).toMatchObject({ sectorsScanned, placed, notFound: sectorsScanned / 8 - placed });
  expect(found.probesSpent).toBe(placed === 0);
  expect(found.probes).toBeLessThanOrEqual(probes);
});

test("a scan continues after a kill at any of its writes", async () => {
  await moveByIndexd(0, world.hosts[5]!);
  await moveByIndexd(1, world.hosts[4]!);
  await begin(100);
  const killedAfter = await advanceWithKills(world, undefined);
  expect(killedAfter).toEqual([
    "contracts",
    "unpinned",
    "records",
    "placements",
    "slab-placed",
    "scan",
    "clocks",
    "events",
  ]);
  expect(await whereItIs()).toEqual([5, 4, 2, 3]);
  expect(await statisticsThatDisagree(world.database.sql)).toEqual([]);
});

test("a host that first proves a sector, and denies it when a killed page is repeated, gets an open denial", async () => {
  const { sql } = world.database;
  await moveByIndexd(0, world.hosts[5]!);
  await begin(100);
  const killed = advanceRestore(world, undefined, async (name) => {
    if (name !== "slab-placed") return;
    await world.hosts[5]!.swarm.dropSector(slab.sectors[0]!.root);
    throw new Error("killed");
  });
  await expect(killed).rejects.toThrow("killed");
  await sql`update slabmend.runs set expires_at = now() where token is not null`;
  expect(await scanned()).toMatchObject({ placed: 0, notFound: 1, denied: 1 });
  expect(await whereItIs()).toEqual([5, 1, 2, 3]);
});

test("unpinned sectors have three days from the end of a scan, however long it took, and open denials stay open", async () => {
  const { sql } = world.database;
  await moveByIndexd(0, world.hosts[5]!);
  await begin(100);
  await killAfter("slab-placed", () => world.hosts[5]!.swarm.dropSector(slab.sectors[0]!.root));
  await killAfter("scan");
  const open = () => sql`select sector_id from slabmend.open_denials()`;
  const before = await open();
  expect(before).toHaveLength(1);
  await sql`update sectors set uploaded_at = uploaded_at - interval '4 days' where contract_sectors_map_id is null`;
  await sql`update slabmend.denials set uploaded_at = uploaded_at - interval '4 days'`;
  await scanned();
  expect(await expiring()).toEqual([]);
  expect(await open()).toEqual(before);
});

test("unpinned sectors have three days from the end of an aborted restore", async () => {
  const { sql } = world.database;
  await begin(100);
  await sql`update sectors set contract_sectors_map_id = null, uploaded_at = now() - interval '4 days'`;
  expect(await cancelAttendedRun(sql, (await readUnfinishedRun(sql))!)).toBe(true);
  expect(await advanceRestore(world, undefined)).toMatchObject({ state: "cancelled" });
  expect(await expiring()).toEqual([]);
});

/** Sectors whose hosts indexd would forget in its first pass. */
const expiring = () => world.database.sql`
  select from sectors
  where host_id is not null and contract_sectors_map_id is null and uploaded_at < now() - interval '2 days'`;

/**
 * Kills the coordinator after the write named `step`, and ends its lease. If `step` is "scan", the kill comes after the
 * first such write that records scanned sectors.
 */
async function killAfter(step: string, then?: () => Promise<unknown>): Promise<void> {
  const killed = advanceRestore(world, undefined, async (name) => {
    const isLast =
      step !== "scan" ||
      restoreStatisticsOf((await readUnfinishedRun(world.database.sql))!).sectorsScanned > 0;
    if (name !== step || !isLast) return;
    await then?.();
    throw new Error("killed");
  });
  await expect(killed).rejects.toThrow("killed");
  await world.database.sql`update slabmend.runs set expires_at = now() where token is not null`;
}

test("a scan writes nothing while no host answers, and continues once the hosts answer", async () => {
  const { sql } = world.database;
  await begin(100);
  const unpinned = () => sql`select from sectors where contract_sectors_map_id is null`;
  for (const { swarm } of world.hosts) await swarm.setSwitches({ availability: "offline" });
  await expect(advanceRestore(world, undefined)).rejects.toMatchObject({ code: "hosts-silent" });
  expect(await unpinned()).toEqual([]);
  for (const { swarm } of world.hosts) await swarm.setSwitches({ availability: "online" });
  expect(await scanned()).toMatchObject({ contractsAsked: 6, contractsUnknown: {}, alreadyRight: 4 });
  expect(await unpinned()).toEqual([]);
});

test("an outage of all hosts unpins nothing; once one host answers, the other hosts' contracts count as unknown", async () => {
  const { sql } = world.database;
  await begin(0);
  await sql`update slabmend.runs set checkpoint = checkpoint
    || jsonb_build_object('after', (select min(id)::text from contracts where renewed_to is null))`;
  const [first, ...others] = world.hosts;
  for (const { swarm } of world.hosts) await swarm.setSwitches({ availability: "offline" });
  await expect(advanceRestore(world, undefined)).rejects.toMatchObject({ code: "hosts-silent" });
  expect(await sql`select from sectors where contract_sectors_map_id is null`).toEqual([]);
  await first!.swarm.setSwitches({ availability: "online" });
  const { contractsUnknown } = await scanned();
  expect(Object.values(contractsUnknown)).toEqual([others.length]);
});

test.each([
  { move: "made", planned: 0, placed: 1, lost: 1, denied: 0, where: [1, undefined, 2, 3] },
  { move: "refused", planned: 5, placed: 0, lost: 0, denied: 1, where: [0, 1, 2, 3] },
])(
  "a denied sector is recorded as lost only if another sector moves to its host: this move is $move",
  async ({ planned, where, ...answer }) => {
    const { sql } = world.database;
    await begin(0);
    const lease = await takeRun(sql, { coordinator: "test", leaseMs: 60_000, kind: "restore" });
    const [moved, denied] = slab.sectors;
    const newHostId = world.hosts[1]!.row.id;
    const missing = {
      sectorId: denied!.id,
      root: denied!.root,
      hostId: newHostId,
      code: "not-found" as const,
    };
    const plannedHostId = world.hosts[planned]!.row.id;
    const { id: sectorId, root } = moved!;
    const placed = await placeSectors(sql, { run: lease!.run.id, token: lease!.token, verify: {} }, slab.id, {
      found: [{ index: 0, root, sectorId, plannedHostId, newHostId, how: "found" }],
      absent: [],
      lost: [{ ...missing, onlyIfTaken: true }],
      earlier: [missing],
    });
    expect(placed).toMatchObject({ placed: answer.placed, lost: answer.lost, denied: answer.denied });
    expect(await whereItIs()).toEqual(where);
    expect(await sql`select state from slabmend.denials`).toEqual([
      { state: answer.lost === 1 ? "lost" : "open" },
    ]);
    expect(await statisticsThatDisagree(sql)).toEqual([]);
  },
);

test("a placement that is repeated because the database's answer was lost is counted, and not refused", async () => {
  const { sql } = world.database;
  await begin(0);
  const lease = await takeRun(sql, { coordinator: "test", leaseMs: 60_000, kind: "restore" });
  const writer = { run: lease!.run.id, token: lease!.token, verify: {} };
  const { id: sectorId, root } = slab.sectors[0]!;
  const [plannedHostId, newHostId] = [world.hosts[0]!.row.id, world.hosts[5]!.row.id];
  const found = [{ index: 0, root, sectorId, plannedHostId, newHostId, how: "found" as const }];
  const plan = { found, absent: [], lost: [], earlier: [] };
  for (let n = 0; n < 2; n += 1) {
    expect(await placeSectors(sql, writer, slab.id, plan)).toMatchObject({ placed: 1, refused: [] });
  }
  expect(await whereItIs()).toEqual([5, 1, 2, 3]);
  expect(await sql`select from slabmend.journal`).toHaveLength(1);
  expect(await statisticsThatDisagree(sql)).toEqual([]);
});

test("a search for a missing sector leaves enough probes to ask the recorded host of each later sector", async () => {
  for (let n = 0; n < 4; n += 1) await world.storeSlab({ minShards: 2, totalShards: 4 });
  await slab.hosts[0]!.swarm.dropSector(slab.sectors[0]!.root);
  // One probe for the recorded host of each of the twenty sectors, and one for a search.
  await begin(21, [], 20);
  expect(await scanned()).toMatchObject({
    sectorsScanned: 20,
    notFound: 1,
    alreadyRight: 19,
    probesSpent: true,
  });
  const [run] = await readRuns(world.database.sql, 1);
  // One probe for the recorded host of each of the twenty sectors, and six to search all hosts for the missing sector.
  expect(restoreKind.describe(run!).join("\n")).toContain("--probes 26");
});
