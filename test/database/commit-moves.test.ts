import { beforeEach, describe, expect, test } from "vitest";
import { readSlab } from "../../lib/database/indexd/read-slab.ts";
import {
  type CommitRequest,
  type CommitResult,
  commitRepair,
  type DenialReport,
} from "../../lib/database/leases/commit-repair.ts";
import { useDatabase } from "../support/database.ts";
import {
  blockHost,
  LOST,
  placeOn,
  renewContract,
  type SeededHost,
  type SeededSlab,
  seedContract,
  seedNetwork,
  seedSlab,
} from "../support/seed-indexd.ts";
import { statisticsThatDisagree } from "../support/seed-statistics.ts";
import { migrateSector } from "./reference-writes.ts";
import { leaseByHand, movesFromHere, requestOf } from "./running-lease.ts";

const { sql } = useDatabase();

let hosts: SeededHost[];
beforeEach(async () => {
  hosts = await seedNetwork(sql, { hosts: 8 });
});

const committed = (result: CommitResult): Extract<CommitResult, { kind: "committed" }> => {
  if (result.kind !== "committed") throw new Error(`expected a commit, got ${JSON.stringify(result)}`);
  return result;
};

async function commit(slab: SeededSlab, rest: Partial<CommitRequest>) {
  const token = await leaseByHand(sql, slab);
  return committed(await commitRepair(sql, requestOf(slab, token, rest)));
}

const hostsOf = async (slab: SeededSlab): Promise<(number | null)[]> => {
  const rows = await sql<{ host_id: number | null }[]>`
    select s.host_id from slab_sectors ss join sectors s on s.id = ss.sector_id
    where ss.slab_id = ${String(slab.id)} order by ss.slab_index`;
  return rows.map((row) => row.host_id);
};

const denial = (slab: SeededSlab, index: number, host: SeededHost): DenialReport => {
  const { id: sectorId, root } = slab.sectors[index]!;
  return { sectorId, root, hostId: host.id, code: "not-found", whole: true, othersServed: true };
};

const badContract = async (host: SeededHost): Promise<void> => {
  await sql`update contracts set good = false where id = ${host.contract!.id}`;
};

test("a commit moves a lost sector, a sector on a blocked host, and a sector in a bad contract", async () => {
  const slab = await seedSlab(sql, { minShards: 2, sectors: [LOST, ...placeOn(hosts.slice(0, 4))] });
  await blockHost(sql, hosts[0]!.hostKey);
  await badContract(hosts[1]!);
  const moves = await movesFromHere(sql, slab, [
    [0, hosts[4]!],
    [1, hosts[5]!],
    [2, hosts[6]!],
  ]);
  const result = await commit(slab, { moves });
  expect(result).toEqual({
    kind: "committed",
    outcome: "repaired",
    recorded: [0, 1, 2],
    dropped: [],
    denialsRecorded: 0,
    denialsIgnored: false,
    lostRecorded: 0,
    slabFinished: true,
  });
  expect(await hostsOf(slab)).toEqual([4, 5, 6, 2, 3].map((n) => hosts[n]!.id));
  expect(await statisticsThatDisagree(sql)).toEqual([]);
  const [entry] = await sql`select * from slabmend.journal where slab_id = ${String(slab.id)}`;
  expect(entry).toMatchObject({
    outcome: "repaired",
    moves: [
      { index: 0, root: slab.sectors[0]!.root, from: null, to: hosts[4]!.hostKey, how: "rebuilt" },
      {
        index: 1,
        root: slab.sectors[1]!.root,
        from: hosts[0]!.hostKey,
        to: hosts[5]!.hostKey,
        how: "rebuilt",
      },
      {
        index: 2,
        root: slab.sectors[2]!.root,
        from: hosts[1]!.hostKey,
        to: hosts[6]!.hostKey,
        how: "rebuilt",
      },
    ],
    bytes_read: "41943040",
    hastings: "1000000000000000000000000000000",
    phases_ms: { fetch: 12.5 },
    worker: "worker-1",
  });
  expect(await sql`select slab_id::text from slabmend.moved where slab_id = ${String(slab.id)}`).toHaveLength(
    1,
  );
  expect(await sql`select 1 from slabmend.leases where slab_id = ${String(slab.id)}`).toHaveLength(0);
});

describe("rule 3: a move is recorded only if its sector must still move and is lost or still where the plan saw it", () => {
  const slabWithBadFirst = async (): Promise<SeededSlab> => {
    const slab = await seedSlab(sql, { minShards: 1, sectors: placeOn(hosts.slice(0, 3)) });
    await badContract(hosts[0]!);
    return slab;
  };

  test("a move is dropped if its sector was moved to another host since the plan", async () => {
    const slab = await slabWithBadFirst();
    const moves = await movesFromHere(sql, slab, [[0, hosts[5]!]]);
    await sql`
      update sectors set host_id = ${hosts[6]!.id}, contract_sectors_map_id = null where id = ${String(slab.sectors[0]!.id)}`;
    await sql`update hosts set unpinned_sectors = unpinned_sectors + 1 where id = ${hosts[6]!.id}`;
    await sql`
      insert into stats_deltas (stat_name, stat_delta) values ('num_pinned_sectors', -1), ('num_unpinned_sectors', 1)`;
    const result = await commit(slab, { moves });
    expect(result).toMatchObject({
      recorded: [],
      dropped: [{ index: 0, why: "sector-moved" }],
      slabFinished: true,
    });
    expect((await hostsOf(slab))[0]).toBe(hosts[6]!.id);
  });

  test("a move of an unpinned sector is dropped if the sector was moved to another bad host since the plan", async () => {
    const unpinnedOn = (n: number) => ({ hostId: hosts[n]!.id, mapId: null });
    const slab = await seedSlab(sql, {
      minShards: 1,
      sectors: [unpinnedOn(0), ...placeOn(hosts.slice(2, 4))],
    });
    await blockHost(sql, hosts[0]!.hostKey);
    await blockHost(sql, hosts[1]!.hostKey);
    const moves = await movesFromHere(sql, slab, [[0, hosts[5]!]]);
    await migrateSector(sql, { ...moves[0]!, newHostId: hosts[1]!.id });
    const result = await commit(slab, { moves });
    expect(result).toMatchObject({
      recorded: [],
      dropped: [{ index: 0, why: "sector-moved" }],
      // The sector still has to move.
      outcome: "interrupted",
      slabFinished: false,
    });
  });

  test("a move is dropped if its sector was pinned to a different contract since the plan", async () => {
    const slab = await slabWithBadFirst();
    const moves = await movesFromHere(sql, slab, [[0, hosts[5]!]]);
    const other = await seedContract(sql, hosts[0]!.id);
    await sql`
      update sectors set contract_sectors_map_id = ${other.mapId} where id = ${String(slab.sectors[0]!.id)}`;
    const result = await commit(slab, { moves });
    expect(result).toMatchObject({
      recorded: [],
      dropped: [{ index: 0, why: "sector-moved" }],
      outcome: "repaired",
    });
  });

  test("a move is dropped if its sector's contract was renewed since the plan", async () => {
    const slab = await slabWithBadFirst();
    const moves = await movesFromHere(sql, slab, [[0, hosts[5]!]]);
    await renewContract(sql, hosts[0]!.id, hosts[0]!.contract!);
    const result = await commit(slab, { moves });
    expect(result).toMatchObject({ recorded: [], dropped: [{ index: 0, why: "contract-renewed" }] });
    expect(await hostsOf(slab)).toEqual([0, 1, 2].map((n) => hosts[n]!.id));
  });

  test("a move is dropped if the sector's contract has become good since the plan", async () => {
    const slab = await slabWithBadFirst();
    const moves = await movesFromHere(sql, slab, [[0, hosts[5]!]]);
    await sql`update contracts set good = true where id = ${hosts[0]!.contract!.id}`;
    const result = await commit(slab, { moves });
    expect(result).toMatchObject({
      recorded: [],
      dropped: [{ index: 0, why: "healthy-again" }],
      outcome: "repaired",
      slabFinished: true,
    });
  });

  test("a move is recorded even if its sector was lost since the plan", async () => {
    const slab = await slabWithBadFirst();
    const moves = await movesFromHere(sql, slab, [[0, hosts[5]!]]);
    await sql`
      with s as (update sectors set host_id = null, contract_sectors_map_id = null where id = ${String(slab.sectors[0]!.id)})
      insert into stats_deltas (stat_name, stat_delta) values ('num_pinned_sectors', -1), ('num_unpinnable_sectors', 1)`;
    const result = await commit(slab, { moves });
    expect(result).toMatchObject({ recorded: [0], dropped: [], slabFinished: true });
    expect(await statisticsThatDisagree(sql)).toEqual([]);
  });

  test("a move is dropped if the sector at its index in the slab is not the sector that the move names", async () => {
    const slab = await slabWithBadFirst();
    const other = await seedSlab(sql, { minShards: 1, sectors: [LOST] });
    const [move] = await movesFromHere(sql, slab, [[0, hosts[5]!]]);
    const [foreign] = await movesFromHere(sql, other, [[0, hosts[6]!]]);
    const wrongIndex = { ...move!, index: 1, newHostId: hosts[7]!.id };
    const result = await commit(slab, { moves: [move!, { ...foreign!, index: 2 }, wrongIndex] });
    expect(result).toMatchObject({
      recorded: [0],
      dropped: [
        { index: 1, why: "sector-gone" },
        { index: 2, why: "sector-gone" },
      ],
    });
    expect(await hostsOf(other)).toEqual([null]);
  });
});

describe("rule 4: no two sectors of a slab on one host", () => {
  test("a move is dropped if the new host has a sector of the slab or gets another one in the same commit", async () => {
    const slab = await seedSlab(sql, {
      minShards: 1,
      sectors: [LOST, LOST, LOST, ...placeOn(hosts.slice(0, 2))],
    });
    const moves = await movesFromHere(sql, slab, [
      [0, hosts[0]!],
      [1, hosts[5]!],
      [2, hosts[5]!],
    ]);
    const result = await commit(slab, { moves });
    expect(result).toMatchObject({
      outcome: "partial-dropped",
      recorded: [1],
      dropped: [
        { index: 0, why: "host-taken" },
        { index: 2, why: "host-taken" },
      ],
      slabFinished: false,
    });
  });

  test("a move of a sector that two slabs share is dropped if the new host has a sector of the other slab", async () => {
    const slab = await seedSlab(sql, { minShards: 1, sectors: [LOST, ...placeOn(hosts.slice(0, 2))] });
    const shared = { ...LOST, root: slab.sectors[0]!.root };
    await seedSlab(sql, { minShards: 1, sectors: [shared, ...placeOn(hosts.slice(2, 4))] });
    const moves = await movesFromHere(sql, slab, [[0, hosts[3]!]]);
    expect(await commit(slab, { moves })).toMatchObject({
      recorded: [],
      dropped: [{ index: 0, why: "host-taken" }],
      outcome: "interrupted",
    });
    const elsewhere = await movesFromHere(sql, slab, [[0, hosts[4]!]]);
    expect(await commit(slab, { moves: elsewhere })).toMatchObject({ recorded: [0], outcome: "repaired" });
  });

  test("a move is dropped if its new host already has the sector", async () => {
    const slab = await seedSlab(sql, { minShards: 1, sectors: placeOn(hosts.slice(0, 3)) });
    await badContract(hosts[0]!);
    await seedContract(sql, hosts[0]!.id);
    const moves = await movesFromHere(sql, slab, [[0, hosts[0]!]]);
    expect(await commit(slab, { moves })).toMatchObject({ dropped: [{ index: 0, why: "host-taken" }] });
  });
});

describe("rule 5: the new host is not blocked and has a good contract", () => {
  test.each([
    ["blocked in mid-repair", "host-blocked", (host: SeededHost) => blockHost(sql, host.hostKey)],
    ["its contract bad", "host-without-good-contract", badContract],
    [
      "its contract past proof height",
      "host-without-good-contract",
      (host: SeededHost) => sql`update contracts set proof_height = 0 where id = ${host.contract!.id}`,
    ],
  ])("%s", async (_what, why, spoil) => {
    const slab = await seedSlab(sql, { minShards: 1, sectors: [LOST, LOST, ...placeOn(hosts.slice(0, 2))] });
    const moves = await movesFromHere(sql, slab, [
      [0, hosts[5]!],
      [1, hosts[6]!],
    ]);
    await spoil(hosts[5]!);
    const result = await commit(slab, { moves });
    expect(result).toMatchObject({
      recorded: [1],
      dropped: [{ index: 0, why }],
      outcome: "partial-dropped",
    });
    expect((await hostsOf(slab))[0]).toBeNull();
  });

  test("a move to a host that does not exist is dropped", async () => {
    const slab = await seedSlab(sql, { minShards: 1, sectors: [LOST] });
    const [move] = await movesFromHere(sql, slab, [[0, hosts[5]!]]);
    const result = await commit(slab, { moves: [{ ...move!, newHostId: 2_000_000_000 as never }] });
    expect(result).toMatchObject({ recorded: [], dropped: [{ index: 0, why: "host-gone" }] });
  });
});

describe("rule 6: a denial is recorded only if the sector is still on the denying host", () => {
  test("a sector denied and moved in one commit counts as lost, and the denying host becomes an earlier location", async () => {
    const slab = await seedSlab(sql, { minShards: 1, sectors: placeOn(hosts.slice(0, 3)) });
    const moves = await movesFromHere(sql, slab, [[0, hosts[5]!]]);
    const result = await commit(slab, { moves, denied: [denial(slab, 0, hosts[0]!)] });
    expect(result).toMatchObject({ recorded: [0], denialsRecorded: 1, lostRecorded: 1, slabFinished: true });
    const [host] = await sql`select lost_sectors from hosts where id = ${hosts[0]!.id}`;
    expect(host).toEqual({ lost_sectors: 1 });
    expect(await statisticsThatDisagree(sql)).toEqual([]);
    const [entry] = await sql`select moves, lost from slabmend.journal where slab_id = ${String(slab.id)}`;
    expect(entry).toMatchObject({
      moves: [{ index: 0, from: hosts[0]!.hostKey, to: hosts[5]!.hostKey }],
      lost: [{ root: slab.sectors[0]!.root, host: hosts[0]!.hostKey }],
    });
    expect((await readSlab(sql, slab.id))!.sectors[0]).toMatchObject({
      hostId: hosts[5]!.id,
      denials: 0,
      earlierHostIds: [hosts[0]!.id],
    });
  });

  test("no denial is recorded for a sector that has moved, for a wrong root, or for a sector of another slab", async () => {
    const slab = await seedSlab(sql, { minShards: 1, sectors: placeOn(hosts.slice(0, 3)) });
    const other = await seedSlab(sql, { minShards: 1, sectors: placeOn(hosts.slice(0, 1)) });
    await sql`
      update sectors set host_id = ${hosts[6]!.id}, contract_sectors_map_id = ${hosts[6]!.contract!.mapId}
      where id = ${String(slab.sectors[0]!.id)}`;
    const result = await commit(slab, {
      outcome: { kind: "healthy" },
      denied: [
        denial(slab, 0, hosts[0]!),
        { ...denial(slab, 1, hosts[1]!), root: slab.sectors[0]!.root },
        denial(other, 0, hosts[0]!),
      ],
    });
    expect(result.denialsRecorded).toBe(0);
    expect(
      await sql`
      select 1 from slabmend.denials where sector_id in (${String(slab.sectors[0]!.id)}, ${String(slab.sectors[1]!.id)})`,
    ).toHaveLength(0);
  });

  test("a denial is dismissed if indexd has pinned the sector on the denying host since the plan", async () => {
    const slab = await seedSlab(sql, { minShards: 1, sectors: placeOn(hosts.slice(0, 2)) });
    const report = denial(slab, 0, hosts[0]!);
    const outcome = { kind: "too-few-sources" } as const;
    expect(await commit(slab, { outcome, denied: [{ ...report, plannedMapId: null }] })).toMatchObject({
      denialsRecorded: 0,
    });
    const { mapId } = hosts[0]!.contract!;
    expect(await commit(slab, { outcome, denied: [{ ...report, plannedMapId: mapId }] })).toMatchObject({
      denialsRecorded: 1,
      lostRecorded: 0,
    });
    // After the denial the sector was appended to another contract. The append proves that the host has the sector.
    const another = await seedContract(sql, hosts[0]!.id);
    await sql`update sectors set contract_sectors_map_id = ${another.mapId} where id = ${String(slab.sectors[0]!.id)}`;
    expect(await sql`select 1 from slabmend.open_denials()`).toHaveLength(0);
  });
});
