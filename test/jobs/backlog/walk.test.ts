import { beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../lib/clock/clock.ts";
import { requestOfRun, startRun } from "../../../lib/database/runs/maintenance-runs.ts";
import { type WalkStep, walkBacklog } from "../../../lib/jobs/backlog/walk.ts";
import { askOf } from "../../support/ask.ts";
import { useDatabase } from "../../support/database.ts";
import { INDEXD_PUBLISHES } from "../../support/indexd-version.ts";
import {
  blockHost,
  LOST,
  placeOn,
  type SeededHost,
  seedAccount,
  seedContract,
  seedNetwork,
  seedSlab,
  seedSlabs,
} from "../../support/seed-indexd.ts";
import { backlogRows, walk, walkSettings } from "./backlog-fixture.ts";

const { sql } = useDatabase({ clearAfterEach: true });
let hosts: SeededHost[];
beforeAll(async () => {
  // Each host is in its own subnet, so that no hosts are correlated.
  hosts = await seedNetwork(sql, { hosts: 14, seed: (n) => ({ addresses: [`10.0.${n}.1:1`] }) });
});

const ids = (rows: readonly { slab_id: string }[]): bigint[] => rows.map((row) => BigInt(row.slab_id));

describe("what is recorded", () => {
  test("the walk records each slab's causes, their counts and the margin; another walk rewrites no unchanged entry", async () => {
    const bad = await seedContract(sql, hosts[0]!.id, { good: false });
    const ended = await seedContract(sql, hosts[1]!.id, { state: 2 });
    await blockHost(sql, hosts[2]!.hostKey);
    const rest = placeOn(hosts.slice(4, 8));
    const slabs = await seedSlabs(sql, {
      minShards: 2,
      slabs: [
        { sectors: [LOST, LOST, ...rest] },
        { sectors: [{ hostId: hosts[0]!.id, mapId: bad.mapId }, ...rest] },
        { sectors: [{ hostId: hosts[1]!.id, mapId: ended.mapId }, ...rest] },
        // These two slabs have a sector on the same blocked host: the first slab an unpinned sector, the second slab a
        // sector pinned to a contract.
        { sectors: [{ hostId: hosts[2]!.id, mapId: null }, ...rest] },
        { sectors: [...placeOn([hosts[2]!]), LOST, ...rest] },
        { sectors: placeOn(hosts.slice(4, 9)) },
        { sectors: [{ hostId: hosts[9]!.id, mapId: null }, ...rest] },
      ],
    });
    await sql`update hosts set unpinned_sectors = (
      select count(*) from sectors s where s.host_id = hosts.id and s.contract_sectors_map_id is null)`;
    const report = await walk(sql);
    const rows = await backlogRows(sql);
    expect(ids(rows)).toEqual(slabs.slice(0, 5).map(({ id }) => id));
    expect(rows.map(({ causes }) => causes)).toEqual([
      { lost: 2 },
      { "bad-contract": 1 },
      { "bad-contract": 1 },
      { "bad-host": 1 },
      { "bad-host": 1, lost: 1 },
    ]);
    expect(rows.map(({ margin }) => margin)).toEqual([2, 3, 3, 2, 2]);
    expect(rows.every(({ ready }) => ready)).toBe(true);
    expect(report).toMatchObject({ finished: 5, stopped: "rested", removed: 0 });
    const versions = () => sql`select xmin::text from slabmend.backlog order by slab_id`;
    const before = [...(await versions())];
    await walk(sql);
    expect([...(await versions())]).toEqual(before);
  });

  test("correlated hosts make a slab more urgent", async () => {
    const racked = await seedNetwork(sql, { hosts: 3, seed: (n) => ({ addresses: [`93.184.215.${n}:1`] }) });
    const slabs = await seedSlabs(sql, {
      minShards: 3,
      slabs: [
        { sectors: [LOST, ...placeOn(hosts.slice(0, 6))] },
        { sectors: [LOST, ...placeOn(hosts.slice(0, 3)), ...placeOn(racked)] },
      ],
    });
    await walk(sql);
    const [apart, together] = await backlogRows(sql);
    expect(slabs).toHaveLength(2);
    expect(together!.margin).toBe(apart!.margin);
    expect(together!.urgency).toBeGreaterThan(3 * apart!.urgency);
  });

  test("the walk skips slabs in the deletion queue, except slabs that an account still holds", async () => {
    const accountId = await seedAccount(sql);
    const damaged = () => seedSlab(sql, { minShards: 2, sectors: [LOST, ...placeOn(hosts.slice(0, 4))] });
    const [dying, held] = [await damaged(), await damaged()];
    for (const slab of [dying, held])
      await sql`insert into slab_deletion_queue (slab_id) values (${String(slab.id)})`;
    await sql`insert into account_slabs (account_id, slab_id) values (${accountId}, ${String(held.id)})`;
    await walk(sql);
    expect(ids(await backlogRows(sql))).toEqual([held.id]);
  });

  test.runIf(INDEXD_PUBLISHES)(
    "of the slabs marked as unrecoverable, the walk records those that had too few sectors but now have enough",
    async () => {
      const marked = (since: Date, minShards: number) =>
        seedSlab(sql, {
          minShards,
          sectors: [LOST, ...placeOn(hosts.slice(0, 4))],
          columns: { unrecoverable_since: since, unrecoverable_reason: "indexd's" },
        });
      await marked(new Date(0), 2);
      await marked(new Date(), 5);
      const rescued = await marked(new Date(), 4);
      await walk(sql);
      expect(ids(await backlogRows(sql))).toEqual([rescued.id]);
    },
  );

  test("the walk copes with slabs without sectors, with mostly bad or shared sectors, or with impossible codes", async () => {
    const [first] = await seedSlabs(sql, {
      slabs: [{ minShards: 2, sectors: [LOST, ...placeOn(hosts.slice(0, 3))] }],
    });
    const slabs = await seedSlabs(sql, {
      slabs: [
        { minShards: 2, sectors: [] },
        { minShards: 2, sectors: [LOST, LOST, LOST, LOST, ...placeOn(hosts.slice(0, 2))] },
        { minShards: 9, sectors: [LOST, ...placeOn(hosts.slice(0, 3))] },
        {
          minShards: 2,
          sectors: [{ ...LOST, root: first!.sectors[0]!.root }, ...placeOn(hosts.slice(3, 8))],
        },
      ],
    });
    await walk(sql);
    const rows = await backlogRows(sql);
    expect(ids(rows)).toEqual([first!.id, ...slabs.slice(1).map(({ id }) => id)]);
    // The slab with margin -6 is beyond rescue: urgency 0, so that it comes last, not first.
    expect(rows.map(({ margin, urgency }) => [margin, urgency === 0])).toEqual([
      [1, false],
      [0, false],
      [-6, true],
      [3, false],
    ]);
  });
});

describe("a pass", () => {
  const damage = (count: number) =>
    seedSlabs(sql, {
      minShards: 2,
      slabs: Array.from({ length: count }, () => ({ sectors: [LOST, ...placeOn(hosts.slice(0, 4))] })),
    });

  test("a pass of the walk removes the entries of slabs that were repaired or deleted by others", async () => {
    const slabs = await damage(10);
    await walk(sql, walkSettings({ pageSectors: 3 }));
    expect(await backlogRows(sql)).toHaveLength(10);
    // Six slabs are repaired by others, one is deleted.
    const repaired = slabs.slice(0, 6).map(({ sectors }) => String(sectors[0]!.id));
    await sql`update sectors set host_id = ${hosts[8]!.id}, contract_sectors_map_id = ${hosts[8]!.contract!.mapId} where id = any (${repaired}::bigint[])`;
    await sql`delete from slabs where id = ${String(slabs[6]!.id)}`;
    const report = await walk(sql, walkSettings({ pageSectors: 3 }));
    expect(ids(await backlogRows(sql))).toEqual(slabs.slice(7).map(({ id }) => id));
    expect(report).toMatchObject({ removed: 7, finished: 5 });
    expect(await sql`select from slabmend.marks`).toHaveLength(3);
  });

  test("the next run continues a pass that crashed after any page, and no slab before the crash is missing", async () => {
    const slabs = await damage(12);
    for (let crash = 1; ; crash++) {
      let left = crash;
      const died = await walkBacklog(
        {
          ask: askOf(sql),
          clock: systemClock,
          step: (name: WalkStep) => {
            if (name === "marked-page" && --left === 0) throw new Error("killed");
          },
        },
        walkSettings({ pageSectors: 2 }),
        60_000,
        ["lost"],
      ).then(
        () => false,
        (error: Error) => error.message === "killed",
      );
      if (!died) break;
      const [state] = await sql`select phase, position::text from slabmend.walks`;
      const seen = ids(await backlogRows(sql));
      // Every slab up to the checkpoint is recorded, and no later slab.
      const upTo =
        state!["phase"] === "sweep"
          ? slabs
          : slabs.filter(({ sectors }) => sectors[0]!.id <= BigInt(state!["position"]));
      expect(seen).toEqual(upTo.map(({ id }) => id));
      if (crash > 20) throw new Error("never ended");
    }
    expect(await backlogRows(sql)).toHaveLength(12);
  });

  test("a pass stops at its time limit, and the next run continues it", async () => {
    await damage(12);
    let now = 0;
    const advance = () => {
      now += 1_000;
    };
    const clock = { ...systemClock, now: () => now };
    const reports = [];
    for (let run = 0; run < 20 && (await backlogRows(sql)).length < 12; run++) {
      reports.push(
        await walkBacklog(
          { ask: askOf(sql), clock, step: advance },
          walkSettings({ pageSectors: 2 }),
          2_000,
          ["lost"],
        ),
      );
    }
    expect(reports.map(({ pages }) => pages)).toEqual([2, 2, 2]);
    expect(reports.every(({ stopped }) => stopped === "time")).toBe(true);
  });

  test("a run of the walk makes at least one step, even if this step exceeds its time limit", async () => {
    await damage(4);
    let now = 0;
    const clock = { ...systemClock, now: () => now };
    const ask: typeof deps.ask = (statements) => {
      now += 1_000;
      return statements(sql);
    };
    const deps = { ask: askOf(sql), clock };
    const report = await walkBacklog({ ...deps, ask }, walkSettings({ pageSectors: 2 }), 1, ["lost"]);
    expect(report).toMatchObject({ pages: 1, recorded: 2, stopped: "time" });
  });

  test("two simultaneous walkers give the same result", async () => {
    const slabs = await damage(30);
    const settings = walkSettings({ pageSectors: 3 });
    await Promise.all([walk(sql, settings), walk(sql, settings)]);
    expect(ids(await backlogRows(sql))).toEqual(slabs.map(({ id }) => id));
  });

  test("if a cause is added to the walk, the next run walks only the new cause", async () => {
    await damage(5);
    await blockHost(sql, hosts[12]!.hostKey);
    await seedSlab(sql, { minShards: 2, sectors: placeOn(hosts.slice(9, 14)) });
    await walk(sql, walkSettings(), ["lost"]);
    expect(await backlogRows(sql)).toHaveLength(5);
    const settings = walkSettings();
    const report = await walkBacklog({ ask: askOf(sql), clock: systemClock }, settings, 60_000, [
      "lost",
      "bad-contract",
    ]);
    expect(report).toMatchObject({ pages: 1, sectors: 1, finished: 1 });
    expect(await backlogRows(sql)).toHaveLength(6);
    const walks = await sql`select cause, pass::int from slabmend.walks order by cause`;
    expect([...walks]).toEqual([
      { cause: "bad-contract", pass: 2 },
      { cause: "lost", pass: 2 },
    ]);
  });

  test("a walk over many bad contracts misses no sector for any page size", async () => {
    // In the order of ids, sectors of different contracts alternate; some contracts have more sectors than others.
    const slabs = await seedSlabs(sql, {
      minShards: 1,
      slabs: Array.from({ length: 80 }, (_, n) => ({
        sectors: placeOn([hosts[n % 3 === 0 ? 0 : 1 + (n % 7)]!, hosts[13]!]),
      })),
    });
    await sql`update contracts set good = false where host_id <= ${hosts[7]!.id}`;
    for (const pageSectors of [1, 2, 7, 25, 1000]) {
      await sql`truncate slabmend.backlog, slabmend.marks, slabmend.walks`;
      const report = await walk(sql, walkSettings({ pageSectors }), ["bad-contract"]);
      expect(report.sectors).toBe(80);
      expect(ids(await backlogRows(sql))).toEqual(slabs.map(({ id }) => id));
    }
  });
});

test("for any page size the walk finds all slabs on draining hosts; cancelling the drain removes the slabs' entries", async () => {
  const second = await seedContract(sql, hosts[0]!.id, {});
  const slabs = await seedSlabs(sql, {
    minShards: 1,
    slabs: Array.from({ length: 60 }, (_, n) => {
      const host = hosts[n % 2]!;
      const mapIds = [host.contract!.mapId, n % 2 === 0 ? second.mapId : host.contract!.mapId, null];
      return { sectors: [{ hostId: host.id, mapId: mapIds[n % 3]! }, ...placeOn([hosts[13]!])] };
    }),
  });
  await seedSlab(sql, { minShards: 1, sectors: placeOn(hosts.slice(2, 5)) });
  await sql`update hosts set unpinned_sectors = (
    select count(*) from sectors s where s.host_id = hosts.id and s.contract_sectors_map_id is null)`;
  const scope = { hosts: hosts.slice(0, 2).map(({ hostKey }) => hostKey), sectors: 60 };
  await startRun(sql, { kind: "drain", scope, owner: "test" });
  for (const pageSectors of [1, 2, 7, 25, 1000]) {
    await sql`truncate slabmend.backlog, slabmend.marks, slabmend.walks`;
    await walk(sql, walkSettings({ pageSectors }), ["draining"]);
    expect(ids(await backlogRows(sql))).toEqual(slabs.map(({ id }) => id));
  }
  await requestOfRun(sql, "cancel");
  await walk(sql, walkSettings({ pageSectors: 7 }));
  expect(await backlogRows(sql)).toEqual([]);
});

test("times written while the clock was a year ahead delay neither entries of the backlog nor passes by a year", async () => {
  await seedSlab(sql, { minShards: 2, sectors: [LOST, ...placeOn(hosts.slice(0, 4))] });
  await blockHost(sql, hosts[12]!.hostKey);
  await seedSlab(sql, { minShards: 1, sectors: placeOn(hosts.slice(9, 14)) });
  const settings = walkSettings({ graceMs: 3_600_000 });
  await walk(sql, settings);
  // The entries look as if they were written while the clock was a year ahead.
  await sql`update slabmend.backlog set waiting_since = now() + interval '1 year',
    look_at = now() + interval '1 year', ready = false,
    since = (select jsonb_object_agg(key, 4e12) from jsonb_each(since))`;
  await sql`update slabmend.walks set pass_started_at = now() + interval '1 year'`;
  await walkBacklog({ ask: askOf(sql), clock: systemClock }, settings, 60_000, ["lost"]);
  // The row claims that the last pass starts a year from now. The pause before the next pass must not last until then.
  await sql`update slabmend.walks set pass_started_at = now() + interval '1 year' where cause = 'bad-contract'`;
  await walkBacklog({ ask: askOf(sql), clock: systemClock }, { ...settings, everyMs: 0 }, 10_000);
  const [lost, blocked] = await backlogRows(sql);
  expect(lost!.ready).toBe(true);
  expect(lost!.waiting_since.getTime()).toBeLessThan(Date.now() + 60_000);
  expect(blocked!.ready).toBe(false);
  expect(blocked!.look_at.getTime()).toBeLessThan(Date.now() + 3_700_000);
});
