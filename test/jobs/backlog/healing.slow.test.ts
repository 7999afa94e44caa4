/**
 * After any events between walks the next complete pass gives the same backlog as a first walk over the same database.
 */
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../lib/clock/clock.ts";
import { walkBacklog } from "../../../lib/jobs/backlog/walk.ts";
import { askOf } from "../../support/ask.ts";
import { clearDatabase, useDatabase } from "../../support/database.ts";
import {
  LOST,
  placeOn,
  type SeededHost,
  type SeededSlab,
  seedNetwork,
  seedSlabs,
} from "../../support/seed-indexd.ts";
import { lease, look, walk, walkSettings } from "./backlog-fixture.ts";

const { sql } = useDatabase();
let hosts: SeededHost[];
beforeAll(async () => {
  hosts = await seedNetwork(sql, { hosts: 8 });
});

/** The entries of the backlog, in the columns that do not depend on when a slab was first seen. */
const entries = () => sql`
  select slab_id::text, causes, margin, urgency
  from slabmend.backlog order by slab_id`;

/** Seeds four pairs of slabs. The two slabs of a pair share their first sector. */
async function populate(): Promise<SeededSlab[]> {
  await clearDatabase(sql);
  const first = await seedSlabs(sql, {
    minShards: 2,
    slabs: Array.from({ length: 4 }, (_, n) => ({
      sectors: placeOn([...hosts.slice(n), ...hosts.slice(0, n)].slice(0, 5)),
    })),
  });
  const others = await seedSlabs(sql, {
    minShards: 2,
    slabs: first.map((slab, n) => ({
      sectors: [
        { ...LOST, root: slab.sectors[0]!.root },
        ...placeOn([...hosts.slice(n + 1), ...hosts.slice(0, n)].slice(0, 4)),
      ],
    })),
  });
  return [...first, ...others];
}

type Dice = readonly [number, number];
const ACTIONS: Readonly<Record<string, (slabs: readonly SeededSlab[], dice: Dice) => Promise<unknown>>> = {
  lose: (slabs, dice) => move(slabs, dice, null, false),
  heal: async (slabs, [a]) => {
    for (let b = 0; b < 5; b++) await move(slabs, [a, b], hosts[b]!, true);
  },
  unpin: (slabs, dice) => move(slabs, dice, hosts[(dice[0] >>> 8) % 8]!, false),
  // The host is blocked or unblocked together with its contracts, as in indexd.
  blockOrNot: async (_slabs, [a, b]) => {
    const host = hosts[a % 8]!;
    const key = Buffer.from(host.hostKey, "hex");
    const block = b % 2 === 0;
    if (block) await sql`insert into hosts_blocklist (public_key) values (${key}) on conflict do nothing`;
    else await sql`delete from hosts_blocklist where public_key = ${key}`;
    await sql`update contracts set good = ${!block} where host_id = ${host.id}`;
  },
  spoilOrMend: (_slabs, [a, b]) =>
    sql`update contracts set good = ${b % 2 === 1} where host_id = ${hosts[a % 8]!.id} and not exists (
      select from hosts_blocklist l join hosts h using (public_key) where h.id = contracts.host_id)`,
  delete: (slabs, [a]) =>
    sql`delete from slabs where id = ${String(slabs[a % slabs.length]!.id)} and id % 3 = 0`,
  walk: (_slabs, [a]) => walk(sql, walkSettings({ pageSectors: 1 + (a % 7) })),
  die: (_slabs, [a, b]) => {
    let left = 1 + (b % 5);
    const step = () => (--left === 0 ? Promise.reject(new Error("killed")) : undefined);
    const deps = { ask: askOf(sql), clock: systemClock, step };
    return walkBacklog(deps, walkSettings({ everyMs: 0, pageSectors: 1 + (a % 3) }), 60_000).catch(
      (error: Error) => {
        if (error.message !== "killed") throw error;
      },
    );
  },
  look: () => look(sql),
  lease: async (_slabs, [a]) => {
    await lease(sql, { maxLeases: 1 + (a % 3) });
    await sql`update slabs set next_repair_attempt = now() - interval '1 second'`;
    await sql`delete from slabmend.leases`;
  },
};

async function move(
  slabs: readonly SeededSlab[],
  [a, b]: Dice,
  host: SeededHost | null,
  pinned: boolean,
): Promise<void> {
  const { sectors } = slabs[a % slabs.length]!;
  await sql`
    update sectors set host_id = ${host?.id ?? null}, contract_sectors_map_id = ${pinned ? host!.contract!.mapId : null}
    where id = ${String(sectors[b % sectors.length]!.id)}`;
  await sql`update hosts set unpinned_sectors = (
    select count(*) from sectors s where s.host_id = hosts.id and s.contract_sectors_map_id is null)`;
}

test("property: after damage, repairs and crashed walks a complete pass gives the backlog of a walk from scratch", async () => {
  const seen = { entries: 0, causes: new Set<string>() };
  const die = fc.nat(2 ** 20);
  const step = fc.tuple(fc.constantFrom(...Object.keys(ACTIONS)), fc.tuple(die, die));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 16 }), async (steps) => {
      const slabs = await populate();
      for (let n = 0; n < slabs.length; n++) await ACTIONS["lose"]!(slabs, [n, n + 1]);
      await walk(sql);
      for (const [name, dice] of steps) await ACTIONS[name]!(slabs, dice);
      // Finishes a running pass, then makes a complete one.
      await walk(sql);
      await walk(sql);
      const kept = [...(await entries())];
      await sql`truncate slabmend.backlog, slabmend.marks, slabmend.walks`;
      await walk(sql);
      expect(kept).toEqual([...(await entries())]);
      seen.entries += kept.length;
      for (const { causes } of kept)
        for (const cause of Object.keys(causes as object)) seen.causes.add(cause);
    }),
    { numRuns: 12 },
  );
  // The compared backlogs must not all have been empty.
  expect(seen.entries).toBeGreaterThan(10);
  expect(seen.causes.size).toBe(3);
});
