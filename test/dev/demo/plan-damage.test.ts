import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DemoOptions, parseDemoOptions } from "../../../dev/demo/demo-options.ts";
import { planDamage } from "../../../dev/demo/plan-damage.ts";
import { planObjects } from "../../../dev/demo/plan-objects.ts";
import { SECTOR_BYTES } from "../../../lib/slab/sizes.ts";

const small: DemoOptions = {
  slabs: 2,
  hosts: 10,
  minShards: 3,
  totalShards: 6,
  dead: 1,
  blocked: 1,
  badContracts: 1,
  lostSectors: 2,
  liars: 1,
  killWorkers: 1,
  restartDatabase: 0,
  endBackends: 0,
  silentDatabase: 0,
  wrongClocks: 0,
  verify: 0,
  forgetfulHosts: 0,
  drain: 0,
  workers: 2,
  indexers: 1,
  indexd: "0.6.1",
  upgrade: false,
  move: false,
  restore: false,
  endangered: 0,
  seed: "plan",
  json: false,
};

describe("planDamage", () => {
  it("a plan of damage depends only on the seed", () => {
    expect(planDamage(small)).toEqual(planDamage(small));
    expect(planDamage(small)).not.toEqual(planDamage({ ...small, seed: "another" }));
  });

  it("a plan with the defaults leaves every slab fully repairable", () => {
    const plan = planDamage({ ...parseDemoOptions([])!, seed: "defaults" });
    expect(plan).toMatchObject({ repairableSlabs: 8, crampedSlabs: 0 });
  });

  it.each<[string, Partial<DemoOptions>, RegExp]>([
    ["more data shards than shards", { minShards: 7 }, /^--min-shards 7: expected at most --total-shards 6$/],
    ["more shards than hosts", { totalShards: 11 }, /^--total-shards 11: expected at most --hosts 10/],
    ["more bad hosts than hosts", { blocked: 9 }, /expected at most --hosts 10 together, got 12$/],
    [
      "more dead hosts than any slab survives",
      { hosts: 6, dead: 3, blocked: 0, badContracts: 0 },
      /^--dead 3, --liars 1 and --forgetful-hosts 0: slab 0 would keep 2 readable sectors of the 3 it needs$/,
    ],
    ["more lost sectors than stored", { lostSectors: 13 }, /^--lost-sectors 13: expected at most the 12/],
    [
      "more lost sectors than any slab survives",
      { lostSectors: 6 },
      /^--lost-sectors 6: no slab survives more than/,
    ],
    ["more endangered slabs than slabs", { endangered: 3 }, /^--endangered 3: expected at most --slabs 2$/],
    [
      "more kills than the slabs can take",
      { killWorkers: 5 },
      /^--kill-workers 5: expected at most 4 where 2 slabs will be repaired$/,
    ],
    [
      "kills without damage",
      { dead: 0, blocked: 0, badContracts: 0, lostSectors: 0 },
      /^--kill-workers 1: expected at most 0/,
    ],
  ])("refuses %s", (_, change, message) => {
    expect(() => planDamage({ ...small, ...change })).toThrow(
      expect.objectContaining({ code: "invalid-options", message: expect.stringMatching(message) }),
    );
  });

  it("a plan endangers the last slabs: by indexd's tables they are 1 or 2 sectors from loss", () => {
    const options = { ...parseDemoOptions([])!, endangered: 3, seed: "endangered" };
    const { placement, fates, lost } = planDamage(options);
    const margins = placement.map((hosts, slab) => {
      const live = hosts.filter((host, index) => {
        const gone = lost.some((sector) => sector.noticed && sector.slab === slab && sector.index === index);
        return !gone && fates[host] !== "dead" && fates[host] !== "blocked";
      });
      return live.length - options.minShards;
    });
    expect(margins.slice(-3)).toEqual([1, 2, 1]);
    expect(Math.min(...margins.slice(0, -3))).toBeGreaterThan(5);
  });

  it("a plan lists all contradictions together", () => {
    expect(() => planDamage({ ...small, minShards: 9, totalShards: 8, hosts: 3 })).toThrow(
      /--min-shards 9.*\n--total-shards 8.*\n--dead 1/,
    );
  });

  it("in every plan all slabs survive and every shard has its own host", () => {
    const options = fc.record({
      slabs: fc.integer({ min: 1, max: 6 }),
      hosts: fc.integer({ min: 1, max: 20 }),
      minShards: fc.integer({ min: 1, max: 8 }),
      totalShards: fc.integer({ min: 1, max: 12 }),
      dead: fc.integer({ min: 0, max: 4 }),
      blocked: fc.integer({ min: 0, max: 4 }),
      badContracts: fc.integer({ min: 0, max: 4 }),
      lostSectors: fc.integer({ min: 0, max: 12 }),
      liars: fc.integer({ min: 0, max: 3 }),
      endangered: fc.integer({ min: 0, max: 3 }),
      seed: fc.string(),
    });
    fc.assert(
      fc.property(options, (chosen) => {
        const whole = {
          ...chosen,
          killWorkers: 0,
          restartDatabase: 0,
          endBackends: 0,
          silentDatabase: 0,
          wrongClocks: 0,
          verify: 0,
          forgetfulHosts: 0,
          drain: 0,
          workers: 1,
          indexers: 1,
          indexd: "0.6.1",
          upgrade: false,
          move: false,
          restore: false,
          json: false,
        } as const;
        let plan: ReturnType<typeof planDamage>;
        try {
          plan = planDamage(whole);
        } catch (error) {
          expect(error).toMatchObject({ code: "invalid-options" });
          return;
        }
        expect(plan.lost.filter(({ endangers }) => !endangers)).toHaveLength(whole.lostSectors);
        expect(new Set(plan.lost.map(({ slab, index }) => `${slab} ${index}`)).size).toBe(plan.lost.length);
        for (const [slab, hosts] of plan.placement.entries()) {
          expect(new Set(hosts).size).toBe(whole.totalShards);
          const gone = hosts.filter((host, index) => {
            const lost = plan.lost.some((sector) => sector.slab === slab && sector.index === index);
            return lost || plan.fates[host] === "dead" || plan.fates[host] === "liar";
          });
          expect(whole.totalShards - gone.length).toBeGreaterThanOrEqual(whole.minShards);
        }
      }),
    );
  });
});

describe("planObjects", () => {
  it("planObjects fills every slab, with objects in several slabs and slabs with several objects", () => {
    const objects = planObjects({ slabs: 8, minShards: 10, seed: "objects" });
    expect(objects.map(({ parts }) => parts.map(({ slab }) => slab))).toEqual([
      [0, 1],
      [2],
      [2],
      [3, 4, 5],
      [6],
      [7],
    ]);
    expect(new Set(objects.map(({ version }) => version))).toEqual(new Set([0, 1]));
    for (const { parts } of objects) {
      let end = 0;
      for (const { slabOffset, objectOffset, length } of parts) {
        expect(objectOffset).toBe(end);
        expect(length).toBeGreaterThan(0);
        expect(slabOffset + length).toBeLessThanOrEqual(10 * SECTOR_BYTES);
        end = objectOffset + length;
      }
    }
  });
});
