/** A sector shared by thousands of slabs: pages stay small, and later sectors are found. */
import { beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../lib/clock/clock.ts";
import { walkBacklog } from "../../../lib/jobs/backlog/walk.ts";
import { askOf } from "../../support/ask.ts";
import { useDatabase } from "../../support/database.ts";
import {
  LOST,
  placeOn,
  type SeededHost,
  type SeededSlab,
  seedNetwork,
  seedSlab,
  seedSlabs,
} from "../../support/seed-indexd.ts";
import { backlogRows, walk, walkSettings } from "./backlog-fixture.ts";

const SHARING = 3_000;

const { sql } = useDatabase({ clearAfterEach: true });
let hosts: SeededHost[];
beforeAll(async () => {
  hosts = await seedNetwork(sql, { hosts: 4, seed: (n) => ({ addresses: [`10.0.${n}.1:1`] }) });
});

/**
 * Seeds slabs that all have the sectors of the first slab, and one more slab whose lost sector no other slab has. The
 * id of this lost sector is higher than the ids of the shared sectors.
 */
async function seedSharing(lostSectors: number): Promise<SeededSlab[]> {
  const sectors = [...Array.from({ length: lostSectors }, () => LOST), ...placeOn(hosts.slice(0, 2))];
  const first = await seedSlab(sql, { minShards: 1, sectors });
  const shared = sectors.map((sector, n) => ({ ...sector, root: first.sectors[n]!.root }));
  const others = await seedSlabs(sql, {
    minShards: 1,
    slabs: Array.from({ length: SHARING - 1 }, () => ({ sectors: shared })),
  });
  const behind = await seedSlab(sql, { minShards: 1, sectors: [LOST, ...placeOn(hosts.slice(2, 4))] });
  return [first, ...others, behind];
}
const idsOf = (slabs: readonly SeededSlab[]): string[] => slabs.map(({ id }) => String(id));

test("the walk reads the many slabs of a shared sector in pages, each slab once, and misses no later sector", async () => {
  const slabs = await seedSharing(2);
  const report = await walk(sql, walkSettings({ pageSectors: 500 }), ["lost"]);
  expect((await backlogRows(sql)).map(({ slab_id }) => slab_id)).toEqual(idsOf(slabs));
  // Each step wrote its entries in one transaction, so entries with the same xmin are those of one step.
  const steps = await sql<{ slabs: number }[]>`
    select count(*)::integer as slabs from slabmend.backlog group by xmin::text`;
  expect(Math.max(...steps.map((step) => step.slabs))).toBeLessThanOrEqual(500);
  expect(report).toMatchObject({ sectors: 3, recorded: SHARING + 1, finished: 1, unjudged: 0 });
});

test("a pass that was interrupted between a sector's slabs continues there; the next pass starts anew", async () => {
  const slabs = await seedSharing(1);
  const cut = walkBacklog(
    {
      ask: askOf(sql),
      clock: systemClock,
      step: () => Promise.reject(new Error("killed")),
    },
    walkSettings({ pageSectors: 1_000 }),
    60_000,
    ["lost"],
  );
  await expect(cut).rejects.toThrow("killed");
  expect(await backlogRows(sql)).toHaveLength(1_000);
  // The slabs of the page before the interruption are already marked as seen: even if this page were read again, its
  // slabs would not be recorded again.
  const report = await walk(sql, walkSettings({ pageSectors: 1_000 }), ["lost"]);
  expect(report).toMatchObject({ recorded: SHARING + 1 - 1_000, sectors: 2, finished: 1 });
  expect(await walk(sql, walkSettings(), ["lost"])).toMatchObject({ recorded: SHARING + 1, removed: 0 });
  expect((await backlogRows(sql)).map(({ slab_id }) => slab_id)).toEqual(idsOf(slabs));
});
