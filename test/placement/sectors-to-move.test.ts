import { describe, expect, test } from "vitest";
import type { NetworkHost } from "../../lib/database/indexd/network-snapshot.ts";
import { judgeSectors } from "../../lib/placement/sectors-to-move.ts";
import type { Slab } from "../../lib/slab/slab.ts";
import { BLOCKED, contractId, hostId, networkOf, slabOn, UNPINNED, UNUSABLE } from "./network.ts";

function verdicts(
  slab: Slab,
  changes: Readonly<Record<number, Partial<NetworkHost>>> = {},
  unhealthy: readonly number[] = [],
): { moves: unknown[]; kept: number[]; holders: number[] } {
  const { moves, keptHosts, holders } = judgeSectors(slab, networkOf(6, changes, { unhealthy }));
  return {
    moves: moves.map(({ sector, reason }) => [sector.index, reason]),
    kept: keptHosts.map(({ id }) => id),
    holders: [...holders],
  };
}

test("sectors on good hosts and healthy contracts stay", () => {
  expect(verdicts(slabOn(1, [1, 2, 3]))).toEqual({ moves: [], kept: [1, 2, 3], holders: [1, 2, 3] });
});

describe("one rule each", () => {
  test("a lost sector moves", () => {
    expect(verdicts(slabOn(1, [1, null, 3]))).toEqual({
      moves: [[1, "lost"]],
      kept: [1, 3],
      holders: [1, 3],
    });
  });

  test.each<[string, Partial<NetworkHost>]>([
    ["blocked", BLOCKED],
    ["unusable", UNUSABLE],
    ["without active contract", { hasActiveContract: false, hasAppendContract: false }],
  ])("a sector on a host that is %s moves", (_name, changes) => {
    expect(verdicts(slabOn(1, [1, 2, 3]), { 2: changes })).toEqual({
      moves: [[1, "bad-host"]],
      kept: [1, 3],
      holders: [1, 3],
    });
  });

  test("a sector on a host that indexd does not list moves", () => {
    expect(verdicts(slabOn(1, [1, 7]))).toEqual({ moves: [[1, "bad-host"]], kept: [1], holders: [1] });
  });

  test.each<[string, Partial<NetworkHost>]>([
    ["stuck or full", { goodForUpload: false }],
    ["without a contract to append to", { hasAppendContract: false }],
    ["without address", { addresses: [] }],
    ["with many unpinned sectors", { unpinnedSectors: 10 ** 6 }],
  ])("a sector on a host that is %s stays, because only new sectors need more", (_name, changes) => {
    expect(verdicts(slabOn(1, [1, 2]), { 2: changes }).moves).toEqual([]);
  });

  test("an unpinned sector on a good host stays", () => {
    expect(verdicts(slabOn(1, [1, { hostId: hostId(2), ...UNPINNED }])).moves).toEqual([]);
  });

  test("a sector in an unhealthy contract moves, and its host may not take another sector of the slab", () => {
    expect(verdicts(slabOn(1, [1, 2, 3]), {}, [2])).toEqual({
      moves: [[1, "bad-contract"]],
      kept: [1, 3],
      holders: [1, 2, 3],
    });
  });

  test("of two sectors on a host the second moves, whether pinned or not", () => {
    const slab = slabOn(1, [1, 2, 1, { hostId: hostId(2), ...UNPINNED }]);
    expect(verdicts(slab)).toEqual({
      moves: [
        [2, "duplicate-host"],
        [3, "duplicate-host"],
      ],
      kept: [1, 2],
      holders: [1, 2],
    });
  });

  test("of two sectors in one contract the second moves, although the hosts differ", () => {
    const slab = slabOn(1, [1, { hostId: hostId(2), contractId: contractId(1) }]);
    expect(verdicts(slab)).toEqual({ moves: [[1, "bad-contract"]], kept: [1], holders: [1, 2] });
  });
});

describe("rules that meet", () => {
  test("if a host's first sector moves because of its contract, the host still counts as used by the slab", () => {
    const slab = slabOn(1, [2, { hostId: hostId(2), ...UNPINNED }]);
    expect(verdicts(slab, {}, [2])).toEqual({
      moves: [
        [0, "bad-contract"],
        [1, "duplicate-host"],
      ],
      kept: [],
      holders: [2],
    });
  });

  test("two sectors on one bad host both move because the host is bad", () => {
    expect(verdicts(slabOn(1, [2, 2]), { 2: BLOCKED })).toEqual({
      moves: [
        [0, "bad-host"],
        [1, "bad-host"],
      ],
      kept: [],
      holders: [],
    });
  });

  test("a contract counts as used only if a sector in it stays", () => {
    const onFirst = { contractId: contractId(1) };
    const slab = slabOn(1, [{ hostId: hostId(2), ...onFirst }, { hostId: hostId(2), ...onFirst }, 1]);
    expect(verdicts(slab).moves).toEqual([
      [1, "duplicate-host"],
      [2, "bad-contract"],
    ]);
    expect(verdicts(slab, { 2: UNUSABLE }).moves).toEqual([
      [0, "bad-host"],
      [1, "bad-host"],
    ]);
  });

  test("a slab without sectors moves nothing", () => {
    expect(verdicts(slabOn(10, []))).toEqual({ moves: [], kept: [], holders: [] });
  });
});
