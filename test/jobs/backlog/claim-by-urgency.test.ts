/** claim with the backlog: leases, budget, and fairness. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../lib/clock/clock.ts";
import { checkBudget } from "../../../lib/database/fleet/budget.ts";
import { readStatus } from "../../../lib/database/reports/read-status.ts";
import { claim } from "../../../lib/jobs/claim/claim.ts";
import { ClaimIncompleteError } from "../../../lib/jobs/claim/claim-report.ts";
import type { ClaimSettings } from "../../../lib/jobs/claim/claim-settings.ts";
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
import { recordingQueue, settings } from "../claim/claim-fixture.ts";
import { walk, walkSettings } from "./backlog-fixture.ts";

const { sql } = useDatabase();
let hosts: SeededHost[];
beforeAll(async () => {
  hosts = await seedNetwork(sql, { hosts: 20, seed: (n) => ({ addresses: [`10.0.${n}.1:1`] }) });
});
afterEach(async () => {
  await clearDatabase(sql);
  await sql`update slabmend.budget set limits = '{}', spent = '{}', stopped_by = '{}', stopped_since = null`;
  await sql`update slabmend.fleet set breaker_open = false, backoff_ms = 0, last_probe_at = null, mode = 'running', mode_owner = null, mode_since = null, breaker_since = clock_timestamp()`;
});

const slabs = (lives: readonly number[]): Promise<SeededSlab[]> =>
  seedSlabs(sql, {
    minShards: 3,
    slabs: lives.map((live) => ({ sectors: [LOST, ...placeOn(hosts.slice(0, live))] })),
  });

test("a failed walk does not delay leasing from the backlog, and claim reports the failure when its run ends", async () => {
  await slabs([4, 5]);
  await walk(sql);
  // From now on the database refuses the walk's writes.
  await sql`alter table slabmend.walks add constraint broken check (pass < 0) not valid`;
  const queue = recordingQueue();
  const failing = claim(
    { ask: askOf(sql), queue, clock: systemClock },
    settings({ walk: walkSettings({ everyMs: 0 }) }),
    4_000,
  );
  const error = await failing.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  await sql`alter table slabmend.walks drop constraint broken`;
  expect(error).toBeInstanceOf(ClaimIncompleteError);
  expect(error).toMatchObject({ cause: { code: "23514" }, report: { leased: 2, sent: 2 } });
  expect(queue.messages).toHaveLength(2);
});

async function run(rest: Partial<ClaimSettings> = {}, remainingMs = 4_000, random = Math.random) {
  const queue = recordingQueue();
  const report = await claim(
    { ask: askOf(sql), queue, clock: systemClock, random },
    settings({ walk: walkSettings({ everyMs: 0 }), ...rest }),
    remainingMs,
  );
  return { report, claimed: queue.messages.map((message) => message.slabId) };
}

/** Ends every lease as a repair with this outcome does. The slabs are free again after `freeInSeconds`. */
async function endLeases(
  outcome: string,
  freeInSeconds: number,
  rest: { hastings?: string; bytes?: number; moves?: string } = {},
) {
  await sql`
    insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, moves, hastings, bytes_read, worker, leased_at, began_at, finished_at)
    select token, slab_id, digest, ${outcome}, ${outcome}, ${rest.moves ?? (outcome === "repaired" ? '[{"index": 0}]' : "[]")}::text::jsonb, ${rest.hastings ?? "0"}::numeric, ${rest.bytes ?? 0}::bigint, 'w', leased_at, now(), clock_timestamp()
    from slabmend.leases`;
  await sql`update slabs s set next_repair_attempt = clock_timestamp() + make_interval(secs => ${freeInSeconds}::float8)
    from slabmend.leases l where l.slab_id = s.id`;
  await sql`delete from slabmend.leases`;
}

test("one run of claim walks, leases the most urgent slabs first, and ends when no backlog is left", async () => {
  const seeded = await slabs([9, 4, 6, 3, 5]);
  const { report, claimed } = await run();
  expect(claimed).toEqual([3, 1, 4, 2, 0].map((n) => seeded[n]!.id));
  expect(report).toMatchObject({ leased: 5, sent: 5, live: 5, stopped: "no-backlog", budgetStops: [] });
  expect((await run()).report).toMatchObject({ leased: 0, stopped: "no-backlog" });
});

test("claim keeps maxInFlight leases, always of the most urgent slabs left", async () => {
  const seeded = await slabs([9, 4, 6, 3, 5]);
  expect((await run({ maxInFlight: 2, topUpMs: 60_000 })).claimed).toEqual([3, 1].map((n) => seeded[n]!.id));
  expect((await run({ maxInFlight: 3, topUpMs: 60_000 })).claimed).toEqual([seeded[4]!.id]);
});

test("if no slab is left to lease, claim continues an unfinished walk at once", async () => {
  await slabs(Array.from({ length: 40 }, () => 5));
  const { report } = await run(
    { walkBudgetMs: 1, walk: walkSettings({ pageSectors: 2 }), topUpMs: 60_000 },
    20_000,
  );
  expect(report).toMatchObject({ leased: 40, stopped: "no-backlog" });
});

describe("budget", () => {
  test("the budget counts the journal's repairs of today, not of yesterday, and names the limits that are reached", async () => {
    await slabs([5, 6]);
    await run();
    await endLeases("repaired", 3_600, { hastings: "500000000000000000000000000", bytes: 41_943_040 });
    // This repair ended yesterday, so it does not count towards today's budget.
    await sql`
      insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, hastings, bytes_read, worker, leased_at, began_at, finished_at)
      values (${randomUUID()}, 1, ${Buffer.alloc(32)}, 'repaired', 'repaired', 9e40, 9e15, 'w', now(), now(), date_trunc('day', now(), 'UTC') - interval '1 second')`;
    expect(await checkBudget(sql, {})).toEqual({ stoppedBy: [], ordinaryLeases: null });
    expect(await checkBudget(sql, { hastings: 1_000_000_000_000_000_000_000_000_001n })).toEqual({
      stoppedBy: [],
      ordinaryLeases: null,
    });
    expect(await checkBudget(sql, { repairs: 5n, bytesRead: 83_886_081n })).toEqual({
      stoppedBy: [],
      ordinaryLeases: 3,
    });
    expect(
      await checkBudget(sql, { hastings: 1_000_000_000_000_000_000_000_000_000n, bytesRead: 83_886_080n }),
    ).toEqual({
      stoppedBy: ["hastings", "bytesRead"],
      ordinaryLeases: 0,
    });
    const [state] =
      await sql`select to_jsonb(stopped_by) as stopped_by, stopped_since is not null as since, spent from slabmend.budget`;
    expect(state).toEqual({
      stopped_by: ["hastings", "bytesRead"],
      since: true,
      spent: { hastings: "1000000000000000000000000000", bytesRead: "83886080", repairs: 2 },
    });
    await checkBudget(sql, {});
    expect(await sql`select to_jsonb(stopped_by) as stopped_by from slabmend.budget`).toEqual([
      { stopped_by: [] },
    ]);
  });

  test("at a limit of the budget only slabs in danger are leased; absurdly high limits cause no error", async () => {
    const seeded = await slabs([9, 3, 8, 4]);
    const { claimed, report } = await run({ budget: { repairs: 0n }, topUpMs: 60_000 });
    expect(claimed).toEqual([seeded[1]!.id, seeded[3]!.id]);
    expect(report.budgetStops).toEqual(["repairs"]);
    const absurd = [2n ** 31n, 10n ** 12n - 1n, 10n ** 40n];
    for (const repairs of absurd) {
      expect(await checkBudget(sql, { repairs })).toMatchObject({ stoppedBy: [] });
      expect((await run({ budget: { repairs }, maxInFlight: 2, topUpMs: 60_000 })).report).toMatchObject({
        live: 2,
      });
    }
    const all = { hastings: 10n ** 40n, bytesRead: 10n ** 40n, repairs: 10n ** 40n };
    expect((await run({ budget: all })).claimed).toHaveLength(2);
  });

  test("a repair that moved sectors counts for the budget's limit of repairs, even if it had too few sources", async () => {
    await slabs([9, 9]);
    await run();
    await endLeases("too-few-sources", 3_600, { moves: '[{"index": 0}]' });
    expect(await checkBudget(sql, { repairs: 5n })).toEqual({ stoppedBy: [], ordinaryLeases: 3 });
  });

  test("every run of claim records for status which limits of the budget are reached, even if the fleet is paused", async () => {
    const stops = async () => (await readStatus(sql, { dangerAbove: 1e-4 })).budget?.stoppedBy ?? [];
    await slabs([9]);
    await run({ budget: { repairs: 0n }, topUpMs: 60_000 });
    expect(await stops()).toEqual(["repairs"]);
    await sql`update slabmend.fleet set mode = 'paused', mode_owner = 'test', mode_since = clock_timestamp()`;
    expect((await run({ budget: { repairs: 1n } })).report).toMatchObject({
      stopped: "paused",
      budgetStops: [],
    });
    expect(await stops()).toEqual([]);
    expect((await run({ budget: { repairs: 0n } })).report).toMatchObject({ budgetStops: ["repairs"] });
    expect(await stops()).toEqual(["repairs"]);
    await sql`update slabmend.fleet set mode = 'running', mode_owner = null, mode_since = null`;
    // The breaker is open, and another run of claim already leased this minute's trial.
    await sql`
      update slabmend.fleet set breaker_open = true, backoff_ms = 60000, backoff_from = clock_timestamp(),
        backoff_until = clock_timestamp() + interval '1 hour', last_probe_at = clock_timestamp()`;
    expect((await run({ budget: { repairs: 0n } })).report).toMatchObject({
      stopped: "breaker-open",
      budgetStops: ["repairs"],
    });
    expect(await stops()).toEqual(["repairs"]);
    // If claim has not run since midnight UTC, status does not show which limits stopped claims yesterday.
    await sql`update slabmend.budget set checked_at = date_trunc('day', now(), 'UTC') - interval '1 second'`;
    expect(await stops()).toEqual([]);
  });

  test("running repairs count for the budget, so that a limit is not exceeded", async () => {
    await slabs([9, 9, 9, 9, 9]);
    expect((await run({ budget: { repairs: 3n }, topUpMs: 60_000 })).claimed).toHaveLength(3);
    expect((await run({ budget: { repairs: 3n }, topUpMs: 60_000 })).claimed).toHaveLength(0);
    await endLeases("no-candidates", 3_600);
    expect((await run({ budget: { repairs: 3n }, topUpMs: 60_000 })).claimed).toHaveLength(2);
  });
});

describe("no slab starves", () => {
  test("with one worker, an urgent slab whose repairs always fail does not keep other slabs from being leased", async () => {
    const seeded = await slabs([3, 9, 9, 9, 9, 9]);
    const order: bigint[] = [];
    // There is one worker. The most urgent slab fails each time and may be tried again 0.2 s later.
    for (let turn = 0; turn < 40 && new Set(order).size < seeded.length; turn++) {
      const { claimed } = await run({ maxInFlight: 1, topUpMs: 60_000 });
      order.push(...claimed);
      const isFailing = claimed[0] === seeded[0]!.id;
      await endLeases(isFailing ? "fault" : "repaired", isFailing ? 0.2 : 3_600);
    }
    expect(new Set(order)).toEqual(new Set(seeded.map(({ id }) => id)));
  });

  test("a flood of more urgent slabs does not block a slab that has waited a day", async () => {
    const [old] = await slabs([12]);
    await run({ maxInFlight: 0 + 1, batchLeases: 1 });
    await endLeases("interrupted", 0);
    const waited = new Set<bigint>();
    for (let day = 0; day < 3 && !waited.has(old!.id); day++) {
      // Each day more slabs come into danger (30) than repairs may be in flight (20).
      await slabs(Array.from({ length: 30 }, () => 4));
      // The first batch of the last day is for aging.
      const { claimed } = await run({ maxInFlight: 20, batchLeases: 20, topUpMs: 60_000 }, 4_000, () =>
        day < 2 ? 0.5 : 0.04,
      );
      for (const id of claimed) waited.add(id);
      await endLeases("repaired", 36_000);
      await sql`update slabmend.backlog set waiting_since = waiting_since - interval '1 day' where slab_id = ${String(old!.id)}`;
    }
    expect(waited.has(old!.id)).toBe(true);
  });

  test("with one worker, all leases except for aging go to endangered slabs; an open breaker stops aging", async () => {
    const seeded = await slabs([4, 12, 4, 12, 4]);
    const waiting = [seeded[1]!.id, seeded[3]!.id].map(String);
    await run({ walkBudgetMs: 10_000, maxInFlight: 0, topUpMs: 60_000 });
    await sql`update slabmend.backlog set waiting_since = now() - interval '2 days' where slab_id = any (${waiting}::bigint[])`;
    const claimOne = async (toss: number) =>
      (await run({ maxInFlight: 1, topUpMs: 60_000 }, 4_000, () => toss)).claimed.map(String);
    expect(await claimOne(0.5)).toEqual([String(seeded[0]!.id)]);
    await endLeases("repaired", 3_600);
    expect(await claimOne(0.04)).toEqual([waiting[0]]);
    await endLeases("repaired", 3_600);
    await sql`update slabmend.fleet set breaker_open = true, breaker_since = now(), backoff_ms = 60000, backoff_from = now(),
      backoff_until = now() + interval '1 hour'`;
    expect(await claimOne(0.04)).toEqual([String(seeded[2]!.id)]);
  });

  test("slabs beyond rescue do not delay slabs that can be saved, but are leased after them", async () => {
    const beyondRescue = await slabs(Array.from({ length: 30 }, () => 1));
    const [saveable] = await slabs([9]);
    const first = await run({ maxInFlight: 1, topUpMs: 60_000 });
    expect(first.claimed).toEqual([saveable!.id]);
    const rest = await run({ maxInFlight: 100 });
    expect(rest.claimed.toSorted()).toEqual(beyondRescue.map(({ id }) => id).toSorted());
  });

  test("the walk reads pages of all causes in turn, so a cause with very many slabs delays no other", async () => {
    await slabs(Array.from({ length: 60 }, () => 9));
    await sql`update contracts set good = false where host_id = ${hosts[19]!.id}`;
    const [other] = await seedSlabs(sql, {
      minShards: 3,
      slabs: [{ sectors: placeOn(hosts.slice(16, 20)) }],
    });
    // Each run makes two steps: one page of each of the two causes, not two pages of the cause with very many slabs.
    const { claimed } = await run({
      walk: walkSettings({ pageSectors: 2 }),
      walkBudgetMs: 1,
      maxInFlight: 2,
      topUpMs: 60_000,
    });
    const rest = await run({
      walk: walkSettings({ pageSectors: 2 }),
      walkBudgetMs: 40,
      maxInFlight: 8,
      topUpMs: 60_000,
    });
    expect([...claimed, ...rest.claimed]).toContain(other!.id);
    await sql`update contracts set good = true`;
  });
});
