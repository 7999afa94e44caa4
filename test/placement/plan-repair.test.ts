import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NetworkHost, NetworkSnapshot } from "../../lib/database/indexd/network-snapshot.ts";
import { distanceKm } from "../../lib/placement/distance.ts";
import { marginOf, type PlanRequest, planRepair, type RepairPlan } from "../../lib/placement/plan-repair.ts";
import { isGoodHost } from "../../lib/placement/sectors-to-move.ts";
import type { HostId } from "../../lib/slab/ids.ts";
import type { Slab } from "../../lib/slab/slab.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { BLOCKED, contractId, hostId, networkOf, sector, slabOn, UNPINNED, UNUSABLE } from "./network.ts";

type Repair = Extract<RepairPlan, { kind: "repair" }>;

function plan(slab: Slab, network: NetworkSnapshot, changes: Partial<PlanRequest> = {}): RepairPlan {
  return planRepair({
    slab,
    network,
    random: seededRandom(1),
    score: () => 1,
    limits: { maxUnpinnedPerHost: 100 },
    ...changes,
  });
}

function repair(slab: Slab, network: NetworkSnapshot, changes: Partial<PlanRequest> = {}): Repair {
  const planned = plan(slab, network, changes);
  if (planned.kind !== "repair") throw new Error(`expected a repair, got ${planned.kind}`);
  return planned;
}

const ids = (hosts: readonly NetworkHost[]): number[] =>
  hosts.map(({ id }) => Number(id)).sort((a, b) => a - b);

describe("the margin is the number of sectors on good hosts minus min_shards", () => {
  test.each<[string, Slab, number]>([
    ["none lost", slabOn(2, [1, 2, 3]), 1],
    ["two on hosts that are not good", slabOn(2, [1, 4, 5]), -1],
    ["two on hosts that are gone", slabOn(2, [1, 9, 9]), -1],
    ["one lost", slabOn(2, [1, null, 3]), 0],
    ["too few", slabOn(2, [1, null, null]), -1],
    ["no sectors", slabOn(10, []), -10],
    ["min_shards above the sectors", slabOn(10, [1, 2]), -8],
  ])("%s", (_name, slab, margin) => {
    const network = networkOf(5, { 4: BLOCKED, 5: UNUSABLE });
    expect(marginOf(slab, network)).toBe(margin);
    expect(plan(slab, network).margin).toBe(margin);
  });
});

describe("a host that is drained", () => {
  const drained = networkOf(9, { 1: { drain: "running" } });

  test("a draining host's sectors are copied to other hosts, and the host is not a candidate", () => {
    const planned = repair(slabOn(2, [1, 2, 3]), drained);
    expect(planned.moves).toMatchObject([{ reason: "draining", copyFrom: { id: 1 }, staysIfServed: false }]);
    expect(ids(planned.candidates)).toEqual([4, 5, 6, 7, 8, 9]);
    expect(ids(repair(slabOn(2, [2, 3, null]), drained).candidates)).toEqual([4, 5, 6, 7, 8, 9]);
  });

  test("during a paused drain nothing moves, and the host is still not a candidate", () => {
    const paused = networkOf(9, { 1: { drain: "paused" } });
    expect(plan(slabOn(2, [1, 2, 3]), paused).kind).toBe("healthy");
    expect(ids(repair(slabOn(2, [2, 3, null]), paused).candidates)).toEqual([4, 5, 6, 7, 8, 9]);
  });

  test.each<[string, number, string[]]>([
    ["hosts to spare", 9, ["lost", "lost", "draining"]],
    // Four candidates: two for the lost sectors, and two in reserve.
    ["just enough for the lost sectors", 7, ["lost", "lost"]],
    ["one more", 8, ["lost", "lost", "draining"]],
  ])("a drain's moves take no candidates from lost sectors: %s", (_name, hosts, reasons) => {
    const network = networkOf(hosts, { 1: { drain: "running" } });
    const { moves } = repair(slabOn(2, [1, 2, 3, null, null]), network);
    expect(moves.map(({ reason }) => reason)).toEqual(reasons);
  });

  test("a host with more than 1,000 unpinned sectors takes lost sectors, but no sectors of a draining host", () => {
    const limits = { maxUnpinnedPerHost: 200_000 };
    const behind = { unpinnedSectors: 1_001 };
    const network = networkOf(4, { 1: { drain: "running" }, 4: behind });
    expect(plan(slabOn(2, [1, 2, 3]), network, { limits }).kind).toBe("no-candidates");
    const allowed = networkOf(4, { 1: { drain: "running" }, 4: { unpinnedSectors: 1_000 } });
    expect(ids(repair(slabOn(2, [1, 2, 3]), allowed, { limits }).candidates)).toEqual([4]);
    expect(ids(repair(slabOn(2, [2, 3, null]), network, { limits }).candidates)).toEqual([4]);
  });
});

describe("healthy", () => {
  test.each<[string, Slab]>([
    ["all in place", slabOn(2, [1, 2, 3])],
    ["unpinned on good hosts", slabOn(2, [{ hostId: hostId(1), ...UNPINNED }, 2])],
    ["no sectors at all", slabOn(10, [])],
    ["1-of-1", slabOn(1, [1])],
  ])("%s", (_name, slab) => {
    expect(plan(slab, networkOf(5)).kind).toBe("healthy");
  });
});

describe("candidates", () => {
  test("candidates are the good hosts that hold no sector of the slab", () => {
    const planned = repair(slabOn(2, [1, null, 3]), networkOf(6));
    expect(ids(planned.candidates)).toEqual([2, 4, 5, 6]);
  });

  test.each<[string, Partial<NetworkHost>]>([
    ["blocked", BLOCKED],
    ["unusable", UNUSABLE],
    ["stuck or full", { goodForUpload: false }],
    ["without contract to append to", { hasAppendContract: false }],
    ["without active contract", { hasActiveContract: false, hasAppendContract: false }],
    ["without siamux address", { addresses: [] }],
    ["behind with pinning", { unpinnedSectors: 101 }],
  ])("a host that is %s is not a candidate", (_name, changes) => {
    expect(ids(repair(slabOn(1, [1, null]), networkOf(4, { 3: changes })).candidates)).toEqual([2, 4]);
  });

  test("a host at the limit of unpinned sectors is still a candidate", () => {
    const network = networkOf(4, { 3: { unpinnedSectors: 100 } });
    expect(ids(repair(slabOn(1, [1, null]), network).candidates)).toEqual([2, 3, 4]);
  });

  test("a host with a bad contract, and a host with two sectors of the slab, are not candidates", () => {
    const planned = repair(slabOn(1, [1, 2, 2]), networkOf(5, {}, { unhealthy: [1] }));
    expect(ids(planned.candidates)).toEqual([3, 4, 5]);
  });

  test("hosts of another slab that shares a sector are no candidates if this sector moves, and candidates if it stays", () => {
    const places = [
      sector(0, 1, { neighbourHostIds: [hostId(5)] }),
      sector(1, null, { neighbourHostIds: [hostId(4)] }),
    ];
    expect(ids(repair(slabOn(1, places), networkOf(6)).candidates)).toEqual([2, 3, 5, 6]);
  });

  test("candidates keep their distance from hosts that stay, and from each other", () => {
    const near = (n: number): Partial<NetworkHost> => ({ latitude: 10, longitude: n / 1000 });
    const network = networkOf(6, {
      1: near(1),
      2: near(2),
      4: { latitude: 20, longitude: 0 },
      5: { latitude: 20, longitude: 0 },
    });
    const planned = repair(slabOn(1, [1, null]), network);
    expect(ids(planned.candidates)).toHaveLength(3);
    expect(ids(planned.candidates)).toEqual(expect.arrayContaining([3, 6]));
    expect(ids(planned.candidates)).not.toContain(2);
  });

  test("candidates need no distance from the hosts that sectors leave", () => {
    const here = { latitude: 10, longitude: 10 };
    const network = networkOf(3, { 1: { ...here, ...BLOCKED }, 2: here });
    expect(ids(repair(slabOn(1, [1, 3]), network).candidates)).toEqual([2]);
  });

  test("of two hosts that stay but are too close to each other, the second excludes no candidates, as in indexd", () => {
    // Hosts 1 and 2 are 8 km apart, and their sectors stay. Host 3 is 8 km from host 2 and 16 km from host 1.
    const north = (km: number): Partial<NetworkHost> => ({ latitude: km / 111.195, longitude: 0 });
    const network = networkOf(3, { 1: north(0), 2: north(8), 3: north(16) });
    expect(ids(repair(slabOn(1, [1, 2, null]), network).candidates)).toEqual([3]);
    expect(plan(slabOn(1, [2, 1, null]), network).kind).toBe("no-candidates");
  });

  test("a plan without candidates still has the moves and their causes", () => {
    const planned = plan(slabOn(1, [1, 2, null]), networkOf(2, { 2: BLOCKED }));
    expect(planned).toMatchObject({
      kind: "no-candidates",
      margin: 0,
      moves: [
        { sector: { index: 1 }, reason: "bad-host", copyFrom: { id: 2 } },
        { sector: { index: 2 }, reason: "lost", copyFrom: null },
      ],
    });
  });

  test("the order of candidates follows the scores, and differs from worker to worker", () => {
    const network = networkOf(12);
    const first = new Map<number, number>();
    for (let seed = 0; seed < 2000; seed++) {
      const planned = repair(slabOn(1, [1, null]), network, {
        random: seededRandom(seed),
        score: (host) => (host.id === hostId(7) ? 10 : 1),
      });
      const id = Number(planned.candidates[0]!.id);
      first.set(id, (first.get(id) ?? 0) + 1);
    }
    // Host 7 has 10/20 of all scores, and each of the ten others 1/20. So host 7 should come first in 1,000 of the
    // 2,000 plans, and each of the others in 100.
    expect(first.size).toBe(11);
    expect(first.get(7)).toBeGreaterThan(900);
    expect(first.get(7)).toBeLessThan(1100);
    for (const [id, times] of first) if (id !== 7) expect(times).toBeGreaterThan(50);
  });

  test("a full host with a high score costs at most one refusal, or none if it has many unpinned sectors", () => {
    const favourite = hostId(7);
    const takes = new Map([[favourite, 5]]);
    const refusals = Array.from({ length: 40 }, (_, seed) => {
      const planned = repair(slabOn(1, [1, null, 2]), networkOf(12), {
        random: seededRandom(seed),
        score: (host) => (host.id === favourite ? 1e9 : 1),
      });
      expect(planned.candidates[0]!.id).toBe(favourite);
      const refused = planned.candidates.findIndex(({ id }) => (takes.get(id) ?? 1) > 0);
      const taker = planned.candidates[refused]!.id;
      if (takes.has(taker)) takes.set(taker, takes.get(taker)! - 1);
      return refused;
    });
    expect(refusals).toEqual([...Array.from({ length: 5 }, () => 0), ...Array.from({ length: 35 }, () => 1)]);
    // Too many sectors of the full host wait to be pinned, so it is no longer a candidate.
    const behind = networkOf(12, { 7: { unpinnedSectors: 101 } });
    const planned = repair(slabOn(1, [1, null, 2]), behind, {
      score: (host) => (host.id === favourite ? 1e9 : 1),
    });
    expect(ids(planned.candidates)).toEqual([3, 4, 5, 6, 8, 9, 10, 11, 12]);
  });

  test.each([Number.NaN, 0, -5, Number.POSITIVE_INFINITY])("a score of %d excludes no host", (score) => {
    expect(repair(slabOn(1, [1, null]), networkOf(6), { score: () => score }).candidates).toHaveLength(5);
  });
});

describe("copies and sources", () => {
  const network = networkOf(8, { 2: BLOCKED, 3: UNUSABLE, 4: { addresses: [] } }, { unhealthy: [5] });

  test("sectors on blocked, unusable or already used hosts, or in bad contracts, are copied if the host has an address", () => {
    const planned = repair(slabOn(2, [1, 2, 3, 4, 5, 1, null, 9]), network);
    expect(
      planned.moves.map(({ sector, reason, copyFrom }) => [sector.index, reason, copyFrom?.id ?? null]),
    ).toEqual([
      [1, "bad-host", 2],
      [2, "bad-host", 3],
      [4, "bad-contract", 5],
      [5, "duplicate-host", 1],
      [6, "lost", null],
      [7, "bad-host", null],
    ]);
  });

  test("sources are all readable sectors, last resorts at the end", () => {
    const { sources } = repair(slabOn(2, [2, 1, 3, 4, 5, 1, null]), network);
    const told = sources.map(({ sector, host, lastResort }) => [sector.index, Number(host.id), lastResort]);
    expect(told.toSorted((a, b) => Number(a[0]) - Number(b[0]))).toEqual([
      [0, 2, true],
      [1, 1, false],
      [2, 3, true],
      [4, 5, false],
      [5, 1, false],
    ]);
    expect(sources.map(({ lastResort }) => lastResort)).toEqual([false, false, false, true, true]);
  });

  test("a host with only ended contracts is an ordinary source", () => {
    const over = networkOf(4, { 2: { hasActiveContract: false, hasAppendContract: false } });
    const { moves, sources } = repair(slabOn(1, [1, 2]), over);
    expect(moves[0]).toMatchObject({ reason: "bad-host", copyFrom: { id: 2 } });
    expect(sources.map(({ host, lastResort }) => [Number(host.id), lastResort]).toSorted()).toEqual([
      [1, false],
      [2, false],
    ]);
  });
});

describe("slabs that indexd would not pin", () => {
  test("a lost 1-of-1 slab gets a plan without sources", () => {
    expect(repair(slabOn(1, [null]), networkOf(3))).toMatchObject({
      margin: -1,
      sources: [],
      moves: [{ reason: "lost" }],
    });
  });

  test("an 85-of-255 slab with 100 lost sectors gets a plan", () => {
    const places = Array.from({ length: 255 }, (_, index) => (index < 100 ? null : index + 1));
    const planned = repair(slabOn(85, places), networkOf(400, {}, { minHostDistanceKm: 0 }));
    expect(planned.margin).toBe(70);
    expect(planned.moves).toHaveLength(100);
    expect(planned.candidates).toHaveLength(400 - 155);
    expect(planned.sources).toHaveLength(155);
  });

  test("a slab with all sectors on one host gets a plan", () => {
    const planned = repair(slabOn(2, [1, 1, 1, 1]), networkOf(9));
    expect(planned.moves.map(({ reason }) => reason)).toEqual(Array(3).fill("duplicate-host"));
    expect(ids(planned.candidates)).not.toContain(1);
  });
});

describe("for any hosts and any slab", () => {
  const HOSTS = 15;
  const flags = fc.record({
    usable: fc.boolean(),
    blocked: fc.boolean(),
    uploads: fc.boolean(),
    active: fc.boolean(),
    appends: fc.boolean(),
    reachable: fc.boolean(),
    healthy: fc.boolean(),
    unpinnedSectors: fc.constantFrom(0, 100, 101),
    // Only a few places, so that some hosts are close to each other and some are at the same place.
    latitude: fc.constantFrom(0, 0.05, 0.1, 10, 20),
    longitude: fc.constantFrom(0, 0.05, 30),
  });
  const mostlyGood = fc.oneof(
    {
      weight: 2,
      arbitrary: fc.constant({
        usable: true,
        blocked: false,
        uploads: true,
        active: true,
        appends: true,
        reachable: true,
        healthy: true,
        unpinnedSectors: 0,
        latitude: null,
        longitude: null,
      }),
    },
    { weight: 1, arbitrary: flags },
  );
  const networks = fc
    .record({
      hosts: fc.array(mostlyGood, { minLength: HOSTS, maxLength: HOSTS }),
      km: fc.constantFrom(0, 10, 1000),
    })
    .map(({ hosts, km }) => {
      const changes = hosts.map((host, index): [number, Partial<NetworkHost>] => [
        index + 1,
        {
          usable: host.usable,
          blocked: host.blocked,
          goodForUpload: host.usable && !host.blocked && host.uploads,
          hasActiveContract: host.active,
          hasAppendContract: host.active && host.appends,
          addresses: host.reachable ? ["h.example:1"] : [],
          unpinnedSectors: host.unpinnedSectors,
          ...(host.latitude === null ? {} : { latitude: host.latitude, longitude: host.longitude }),
        },
      ]);
      const unhealthy = hosts.flatMap((host, index) => (host.healthy ? [] : [index + 1]));
      return networkOf(HOSTS, Object.fromEntries(changes), { unhealthy, minHostDistanceKm: km });
    });
  const place = fc.record({
    host: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: HOSTS + 1 }) }, fc.constant(null)),
    pinned: fc.boolean(),
    contractOf: fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, fc.integer({ min: 1, max: HOSTS })),
    neighbours: fc.array(fc.integer({ min: 1, max: HOSTS }), { maxLength: 2 }),
  });
  const slabs = fc
    .record({ minShards: fc.integer({ min: 1, max: 20 }), places: fc.array(place, { maxLength: 16 }) })
    .map(({ minShards, places }) =>
      slabOn(
        minShards,
        places.map(({ host, pinned, contractOf, neighbours }, index) =>
          sector(index, host, {
            ...(host !== null && pinned ? { contractId: contractId(contractOf ?? host) } : UNPINNED),
            neighbourHostIds: neighbours.map(hostId),
          }),
        ),
      ),
    );
  const requests = fc.tuple(slabs, networks, fc.integer());

  const holds = (claim: (planned: RepairPlan, slab: Slab, network: NetworkSnapshot) => void): void => {
    fc.assert(
      fc.property(requests, ([slab, network, seed]) =>
        claim(plan(slab, network, { random: seededRandom(seed) }), slab, network),
      ),
      { numRuns: 500 },
    );
  };

  const keptIds = (planned: RepairPlan, slab: Slab): HostId[] => {
    const moved = new Set(planned.kind === "healthy" ? [] : planned.moves.map(({ sector }) => sector.index));
    return slab.sectors.flatMap(({ index, hostId }) => (moved.has(index) || hostId === null ? [] : [hostId]));
  };

  test("no plan results in two sectors on one host", () => {
    holds((planned, slab) => {
      const candidates = planned.kind === "repair" ? planned.candidates.map(({ id }) => id) : [];
      const all = [...keptIds(planned, slab), ...candidates];
      expect(new Set(all).size).toBe(all.length);
    });
  });

  test("sectors that stay are on good hosts; each move is listed once, in the order of the slab's sectors", () => {
    holds((planned, slab, network) => {
      for (const id of keptIds(planned, slab)) expect(isGoodHost(network.hosts.get(id)!)).toBe(true);
      if (planned.kind === "healthy") return;
      const indices = planned.moves.map(({ sector }) => sector.index);
      expect(indices).toEqual([...new Set(indices)].toSorted((a, b) => a - b));
      expect(planned.moves.length).toBeGreaterThan(0);
      for (const { sector } of planned.moves) expect(slab.sectors[sector.index]).toBe(sector);
    });
  });

  test("every candidate is suitable for every move", () => {
    holds((planned, slab, network) => {
      if (planned.kind !== "repair") return;
      expect(planned.candidates.length).toBeGreaterThan(0);
      const neighbours = planned.moves.flatMap(({ sector }) => sector.neighbourHostIds);
      for (const host of planned.candidates) {
        expect(isGoodHost(host) && host.goodForUpload && host.hasAppendContract).toBe(true);
        expect(host.addresses.length).toBeGreaterThan(0);
        expect(host.unpinnedSectors).toBeLessThanOrEqual(100);
        expect(neighbours).not.toContain(host.id);
        for (const other of planned.candidates) {
          if (other !== host)
            expect(distanceKm(host, other)).toBeGreaterThanOrEqual(network.minHostDistanceKm);
        }
      }
      const firstKept = network.hosts.get(keptIds(planned, slab)[0] ?? hostId(0));
      if (firstKept === undefined) return;
      for (const host of planned.candidates) {
        expect(distanceKm(host, firstKept)).toBeGreaterThanOrEqual(network.minHostDistanceKm);
      }
    });
  });

  test("a slab is healthy after its whole plan; after a part of the plan, it needs at most the remaining moves", () => {
    holds((planned, slab, network) => {
      if (planned.kind !== "repair") return;
      const candidates = [...planned.candidates];
      const moved = new Map(planned.moves.map(({ sector }) => [sector.index, candidates.shift()]));
      const after = slab.sectors.map((before) => {
        const host = moved.get(before.index);
        return host === undefined ? before : { ...before, hostId: host.id, ...UNPINNED };
      });
      const left = [...moved.values()].filter((host) => host === undefined).length;
      const again = plan({ ...slab, sectors: after }, network);
      // Fewer moves may be left: of two sectors on a host, one may stay after the other has moved.
      expect(again.kind === "healthy" ? 0 : again.moves.length).toBeLessThanOrEqual(left);
    });
  });

  test("sources are readable sectors without duplicates, ordinary ones first", () => {
    holds((planned, slab, network) => {
      if (planned.kind !== "repair") return;
      const readable = slab.sectors.filter(
        ({ hostId }) => hostId !== null && (network.hosts.get(hostId)?.addresses.length ?? 0) > 0,
      );
      const indices = planned.sources.map(({ sector }) => sector.index);
      expect(indices.toSorted((a, b) => a - b)).toEqual(readable.map(({ index }) => index));
      const resorts = planned.sources.map(({ lastResort }) => Number(lastResort));
      expect(resorts).toEqual(resorts.toSorted());
      for (const { sector, host, lastResort } of planned.sources) {
        expect(sector.hostId).toBe(host.id);
        expect(lastResort).toBe(host.blocked || !host.usable);
      }
    });
  });
});
