/**
 * Random interleavings of claim, begin, heartbeat, commit, reap, the outbox and indexd's own actions on a few slabs,
 * some of which share sectors. After every step the rules are checked by SQL; every commit without concurrent actions
 * is compared with the reference commit. SLABMEND_TEST_SEED repeats a run, SLABMEND_TEST_RUNS makes it longer.
 */

import fc from "fast-check";
import type { Sql, TransactionSql } from "postgres";
import { expect, inject, test } from "vitest";
import { checkRules } from "../../dev/demo/check-rules.ts";
import { systemClock } from "../../lib/clock/clock.ts";
import { retryTransaction } from "../../lib/database/client/retry-transaction.ts";
import { flushMoved } from "../../lib/database/indexd/bump-events.ts";
import { beginRepair } from "../../lib/database/leases/begin-repair.ts";
import {
  type CommitRequest,
  commitRepair,
  type DenialReport,
} from "../../lib/database/leases/commit-repair.ts";
import { extendLease } from "../../lib/database/leases/extend-lease.ts";
import type { OutcomeKind } from "../../lib/database/leases/outcome-writes.ts";
import { claim } from "../../lib/jobs/claim/claim.ts";
import { reapExpiredLeases } from "../../lib/jobs/reap/reap-expired-leases.ts";
import type { HostId, LeaseToken } from "../../lib/slab/ids.ts";
import type { LeasedSlab } from "../../lib/slab/leased-slab.ts";
import { walkSettings } from "../jobs/backlog/backlog-fixture.ts";
import { recordingQueue, settings } from "../jobs/claim/claim-fixture.ts";
import { askOf } from "../support/ask.ts";
import { clearDatabase, useDatabase } from "../support/database.ts";
import {
  LOST,
  placeOn,
  renewContract,
  type SeededHost,
  type SeededSlab,
  seedAccount,
  seedNetwork,
  seedObject,
  seedSlab,
} from "../support/seed-indexd.ts";
import { until } from "../support/until.ts";
import { referenceCommit } from "./reference-commit.ts";
import { markSectorLost, migrateSector } from "./reference-writes.ts";
import { indexdState, movesFromHere, requestOf } from "./running-lease.ts";

const database = useDatabase({ max: 6 });
const { sql } = database;

interface World {
  readonly hosts: SeededHost[];
  readonly slabs: SeededSlab[];
  /** Every message ever sent; the queue may deliver each again at any time. */
  readonly messages: LeasedSlab[];
  /** The commit planned by each worker that has begun, by the token of its lease. */
  readonly plans: Map<LeaseToken, CommitRequest>;
  /** Tokens of plans whose commit was at least tried. */
  readonly committed: Set<LeaseToken>;
  renewing: boolean;
}

/** Mostly picks one of the wanted items, sometimes any item. */
const prefer = <Item>(
  items: readonly Item[],
  wanted: (item: Item) => boolean,
  die: number,
): Item | undefined => {
  const preferred = items.filter(wanted);
  return pick(die % 4 === 0 || preferred.length === 0 ? items : preferred, die >>> 2);
};

/** Three random numbers for an action's choices. */
type Dice = readonly [number, number, number];
const pick = <Item>(items: readonly Item[], die: number): Item | undefined =>
  items.length === 0 ? undefined : items[die % items.length];
const bit = (die: number, position: number): boolean => ((die >>> position) & 1) === 1;

async function createWorld(): Promise<World> {
  await clearDatabase(sql);
  await sql`truncate hosts, contracts, contract_sectors_map, accounts, stats_deltas cascade`;
  await sql`update stats set stat_value = 0`;
  await sql`update slabmend.fleet set breaker_open = false, backoff_ms = 0, breaker_since = clock_timestamp()`;
  const hosts = await seedNetwork(sql, { hosts: 7 });
  const one = await seedSlab(sql, { minShards: 1, sectors: [LOST, ...placeOn(hosts.slice(0, 3))] });
  const two = await seedSlab(sql, {
    minShards: 1,
    sectors: [{ ...LOST, root: one.sectors[0]!.root }, LOST, ...placeOn(hosts.slice(3, 5))],
  });
  const three = await seedSlab(sql, {
    minShards: 1,
    sectors: [{ ...LOST, root: two.sectors[1]!.root }, { hostId: hosts[5]!.id, mapId: null }, LOST],
  });
  const slabs = [one, two, three];
  await seedObject(sql, { accountId: await seedAccount(sql), slabs });
  return { hosts, slabs, messages: [], plans: new Map(), committed: new Set(), renewing: false };
}

const OUTCOMES: readonly OutcomeKind[] = [
  "repaired",
  "repaired",
  "partial-deadline",
  "partial-refused",
  "healthy",
  "no-candidates",
  "too-few-sources",
  "underfunded",
  "fault",
  "stale",
];

/** Random moves and losses, legal or not, from the sectors' current locations. */
async function planAtRandom(
  world: World,
  slab: SeededSlab,
  token: LeaseToken,
  [a, b, c]: Dice,
): Promise<CommitRequest> {
  const free = bit(a, 20) ? await hostsWithoutSectorOf(world, slab, 0) : world.hosts;
  const wanted = slab.sectors.flatMap((_, index) =>
    bit(a, index) ? [[index, free[(b + index) % free.length]!] as const] : [],
  );
  const moves = await movesFromHere(sql, slab, free.length > 0 ? wanted : []);
  const here = await movesFromHere(
    sql,
    slab,
    slab.sectors.map((_, index) => [index, world.hosts[0]!] as const),
  );
  const located = here.flatMap(({ sectorId, root, plannedHostId }, index) =>
    plannedHostId === null ? [] : [{ sectorId, root, hostId: plannedHostId, index }],
  );
  const denied = located.flatMap(({ index, ...location }): DenialReport[] =>
    bit(c, index) && bit(c, index + 8)
      ? [
          {
            ...location,
            code: bit(c, index + 4) ? "corrupt" : "not-found",
            whole: bit(a, index + 12),
            othersServed: bit(b, index + 12),
          },
        ]
      : [],
  );
  const served = located.filter(({ index }) => !bit(c, index) && bit(c, index + 8));
  return requestOf(slab, token, { moves, denied, served, outcome: { kind: pick(OUTCOMES, c >>> 4)! } });
}

class RolledBack extends Error {}

const ACTIONS: Readonly<Record<string, (world: World, dice: Dice) => Promise<void>>> = {
  async claim(world, [a]) {
    if (bit(a, 10)) await timePasses();
    const queue = recordingQueue();
    const maxInFlight = 1 + ((a >>> 4) % 4);
    const walk = walkSettings({ everyMs: 0, pageSectors: 1 + (a % 6) });
    await claim(
      { ask: askOf(sql), queue, clock: systemClock },
      settings({ maxInFlight, walk, topUpMs: 60_000 }),
      1_000,
    );
    world.messages.push(...queue.messages);
  },
  async begin(world, dice) {
    const message = prefer(world.messages, ({ token }) => !world.plans.has(token), dice[0]);
    if (message === undefined) return;
    const begun = await beginRepair(sql, { ...message, worker: `worker-${dice[1]}`, holdMs: 1_000_000 });
    const slab = world.slabs.find(({ id }) => id === message.slabId)!;
    if (begun.kind === "begun" && (await exists(slab))) {
      world.plans.set(message.token, await planAtRandom(world, slab, message.token, dice));
    }
  },
  async heartbeat(world, [a]) {
    const message = pick(world.messages, a);
    if (message !== undefined) await extendLease(sql, message);
  },
  async commit(world, [a]) {
    const request = choosePlan(world, a);
    if (request !== undefined) await commitRepair(sql, request);
  },
  async reap(_world, [a]) {
    await sql`update slabmend.leases set expires_at = clock_timestamp() where slab_id % 3 = ${a % 3}`;
    await reapExpiredLeases(
      { ask: askOf(sql) },
      { quarantineMs: 1, successWindowMs: 60_000 },
      { breakerIsOpen: bit(a, 5), timeIsUp: () => false },
    );
  },
  async flushEvents(_world, [a]) {
    await flushMoved(sql, { limit: 1 + (a % 3) });
  },
  timePasses: () => timePasses(),
  async indexdClaims(world, [a]) {
    const slab = pick(world.slabs, a)!;
    await sql`update slabs set next_repair_attempt = now() + interval '1 hour' where id = ${String(slab.id)}`;
  },
  async indexdMigrates(world, [a, b, c]) {
    const slab = pick(world.slabs, a)!;
    const index = b % slab.sectors.length;
    if (!(await exists(slab))) return;
    const host = pick(await hostsWithoutSectorOf(world, slab, index), c);
    if (host === undefined) return;
    const [move] = await movesFromHere(sql, slab, [[index, host]]);
    if (move !== undefined) await sql.begin((tx) => migrateSector(tx, move));
  },
  async indexdLoses(world, [a, b]) {
    const slab = pick(world.slabs, a)!;
    const { id: sectorId, root } = slab.sectors[b % slab.sectors.length]!;
    const [row] = await sql<
      { host_id: HostId | null }[]
    >`select host_id from sectors where id = ${String(sectorId)}`;
    if (row === undefined || row.host_id === null) return;
    const hostId = row.host_id;
    await sql.begin((tx) => markSectorLost(tx, { root, hostId }));
  },
  /** Makes denials older, so that they can be counted again or be confirmed. */
  async denialsAge(_world, [a]) {
    const ago = sql`make_interval(hours => ${bit(a, 3) ? 7 : 2}::integer)`;
    await sql`
      update slabmend.denials set first_denied_at = first_denied_at - ${ago}, counted_at = counted_at - ${ago},
        last_denied_at = last_denied_at - ${ago}, whole_denied_at = whole_denied_at - ${ago}`;
  },
  async indexdPins(world, [a]) {
    const host = pick(world.hosts, a)!;
    await sql.begin(async (tx) => {
      const pinned = await tx`
        update sectors set contract_sectors_map_id = ${host.contract!.mapId}
        where host_id = ${host.id} and contract_sectors_map_id is null returning 1`;
      if (pinned.length === 0) return;
      await tx`
        insert into stats_deltas (stat_name, stat_delta)
        values ('num_pinned_sectors', ${pinned.length}), ('num_unpinned_sectors', ${-pinned.length})`;
      await tx`update hosts set unpinned_sectors = unpinned_sectors - ${pinned.length} where id = ${host.id}`;
    });
  },
  async indexdBlocksOrUnblocks(world, [a, b]) {
    const host = pick(world.hosts, a)!;
    const key = Buffer.from(host.hostKey, "hex");
    const block = bit(b, 0);
    await sql.begin(async (tx) => {
      if (block) await tx`insert into hosts_blocklist (public_key) values (${key}) on conflict do nothing`;
      else await tx`delete from hosts_blocklist where public_key = ${key}`;
      await tx`update contracts set good = ${!block} where host_id = ${host.id}`;
    });
  },
  async indexdSpoilsOrMendsAContract(world, [a, b]) {
    const host = pick(world.hosts, a)!;
    await sql`update contracts set good = ${bit(b, 0)} where host_id = ${host.id} and renewed_to is null`;
  },
  async indexdRenews(world, [a]) {
    const n = a % world.hosts.length;
    const host = world.hosts[n]!;
    // Only one renewal at a time: indexd is one process, and it locks a contract while it renews it.
    if (world.renewing) return;
    world.renewing = true;
    const contract = await sql.begin((tx) => renewContract(tx, host.id, host.contract!));
    world.hosts[n] = { ...host, contract };
    world.renewing = false;
  },
  async indexdDeletes(world, [a]) {
    // Slabs are deleted rarely, because a world without slabs tests little.
    if (a % 8 !== 0) return;
    const slab = pick(world.slabs, a >>> 3)!;
    await sql.begin((tx) => deleteSlab(tx, slab));
  },
  async indexdFolds() {
    await sql`
      with taken as (
        delete from stats_deltas where id in (select id from stats_deltas order by id limit 7) returning stat_name, stat_delta
      )
      update stats set stat_value = stat_value + d.n
      from (select stat_name, sum(stat_delta) as n from taken group by stat_name) d where d.stat_name = stats.stat_name`;
  },
};

function choosePlan(world: World, die: number): CommitRequest | undefined {
  const plan = prefer([...world.plans.values()], ({ token }) => !world.committed.has(token), die);
  if (plan !== undefined) world.committed.add(plan.token);
  return plan;
}

/** Waiting slabs come due. */
async function timePasses(): Promise<void> {
  await sql`
    update slabs set next_repair_attempt = clock_timestamp() - interval '2 hours'
    where id not in (select slab_id from slabmend.leases)`;
}

/** Runs an action and retries its transaction: indexd retries its transactions as we do ours. */
const act = (world: World, name: string, dice: Dice): Promise<void> =>
  retryTransaction(name, () => ACTIONS[name]!(world, dice));

/**
 * Whether two actions must not run simultaneously: a migration by indexd and a commit. indexd chooses a host
 * independently of us, and in this test it also migrates slabs whose hold has not ended. So it could put one sector of
 * a slab on a host while a commit puts another sector of the slab there. The check of rule 4 would then blame the
 * commit: indexd takes its uploaded_at before it waits for a lock, so the commit's sector would seem to be the later
 * one.
 */
const mayCollide = (...names: readonly string[]): boolean =>
  names.includes("indexdMigrates") && names.includes("commit");

const exists = async (slab: SeededSlab): Promise<boolean> =>
  (await sql`select 1 from slabs where id = ${String(slab.id)}`).length > 0;

/** Hosts without a sector of any slab that contains the given sector. */
async function hostsWithoutSectorOf(world: World, slab: SeededSlab, index: number): Promise<SeededHost[]> {
  const taken = await sql<{ host_id: number }[]>`
    select s.host_id from slab_sectors mine join slab_sectors other on other.slab_id = mine.slab_id
    join sectors s on s.id = other.sector_id
    where mine.sector_id = ${String(slab.sectors[index]!.id)} and s.host_id is not null`;
  const occupied = new Set(taken.map((row) => row.host_id));
  return world.hosts.filter((host) => !occupied.has(host.id));
}

async function deleteSlab(tx: TransactionSql, slab: SeededSlab): Promise<void> {
  const id = String(slab.id);
  await tx`delete from account_slabs where slab_id = ${id}`;
  await tx`delete from object_slabs where slab_digest = ${Buffer.from(slab.digest, "hex")}`;
  const gone = await tx<{ host_id: number | null; pinned: boolean }[]>`
    delete from sectors s using slab_sectors ss
    where ss.slab_id = ${id} and ss.sector_id = s.id
      and not exists (select from slab_sectors o where o.sector_id = s.id and o.slab_id <> ${id})
    returning s.host_id, s.contract_sectors_map_id is not null as pinned`;
  const slabs = await tx`delete from slabs where id = ${id} returning 1`;
  const deltas = [
    ["num_slabs", slabs.length],
    ["num_pinned_sectors", gone.filter((row) => row.pinned).length],
    ["num_unpinned_sectors", gone.filter((row) => !row.pinned && row.host_id !== null).length],
    ["num_unpinnable_sectors", gone.filter((row) => row.host_id === null).length],
  ] as const;
  for (const [name, count] of deltas) {
    if (count > 0) await tx`insert into stats_deltas (stat_name, stat_delta) values (${name}, ${-count})`;
  }
  for (const row of gone) {
    if (row.host_id !== null && !row.pinned) {
      await tx`update hosts set unpinned_sectors = unpinned_sectors - 1 where id = ${row.host_id}`;
    }
  }
}

/**
 * What a commit writes, but without times, the slab's own row, and the statistic that indexd's triggers count from that
 * row.
 */
async function comparable(client: Sql | TransactionSql): Promise<unknown> {
  return {
    sectors: await client`
      select id::text, host_id, contract_sectors_map_id, consecutive_failed_checks, num_migrated from sectors order by id`,
    hosts: await client`select id, lost_sectors, unpinned_sectors from hosts order by id`,
    denials: await client`
      select sector_id::text, host_id, map_id, code, denials, whole_denied_at is not null as whole, state
      from slabmend.denials order by 1, 2`,
    stats: await client`
      select s.stat_name, (s.stat_value + coalesce(sum(d.stat_delta), 0))::text as value
      from stats s left join stats_deltas d using (stat_name) where s.stat_name <> 'num_stuck_slabs'
      group by s.stat_name order by s.stat_name`,
  };
}

/**
 * Checks that a commit without concurrent actions does the same as the reference commit, and that it changes nothing in
 * indexd's tables if it is superseded or was already committed.
 */
async function commitAgainstReference(world: World, [a]: Dice): Promise<void> {
  const request = choosePlan(world, a);
  if (request === undefined) return;
  let expected: { result: Awaited<ReturnType<typeof referenceCommit>>; state: unknown } | undefined;
  await sql
    .begin(async (tx) => {
      expected = { result: await referenceCommit(tx, request), state: await comparable(tx) };
      throw new RolledBack();
    })
    .catch((error: unknown) => {
      if (!(error instanceof RolledBack)) throw error;
    });
  const before = await indexdState(sql);
  const result = await commitRepair(sql, request);
  expect(result).toMatchObject(expected!.result);
  expect(await comparable(sql)).toEqual(expected!.state);
  if (result.kind !== "committed") expect(await indexdState(sql)).toEqual(before);
}

const seed = inject("seed");

const die = fc.nat(2 ** 30);
const step = fc.record({
  names: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom("claim", "begin", "begin", "commitAlone", "commitAlone") },
    { weight: 3, arbitrary: fc.constantFrom(...Object.keys(ACTIONS)) },
  ),
  dice: fc.tuple(die, die, die),
  /** Another action that runs at the same time. */
  beside: fc.option(
    fc.record({ name: fc.constantFrom(...Object.keys(ACTIONS)), dice: fc.tuple(die, die, die) }),
    {
      freq: 3,
    },
  ),
});

test("workers, indexd and crashes in any order do not violate the database's rules", async () => {
  const runs = Number(process.env["SLABMEND_TEST_RUNS"] ?? 40);
  const seen = { recorded: 0, superseded: 0, dropped: 0, crashed: 0, lost: 0, open: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40, size: "max" }), async (steps) => {
      const world = await createWorld();
      for (const { names: name, dice, beside } of steps) {
        if (name === "commitAlone") await commitAgainstReference(world, dice);
        else if (beside === null) await act(world, name, dice);
        else if (mayCollide(name, beside.name)) {
          await act(world, name, dice);
          await act(world, beside.name, beside.dice);
        } else await Promise.all([act(world, name, dice), act(world, beside.name, beside.dice)]);
        expect(await checkRules(sql, { settled: false }), `after ${name} beside ${beside?.name}`).toEqual([]);
      }
      await settle();
      expect(await checkRules(sql, { settled: true })).toEqual([]);
      const [count] = await sql<Record<keyof typeof seen, number>[]>`
        select coalesce(sum(jsonb_array_length(moves)), 0)::int as recorded,
          coalesce(sum(jsonb_array_length(dropped)), 0)::int as dropped,
          coalesce(sum(jsonb_array_length(lost)), 0)::int as lost,
          (select count(*) from slabmend.open_denials())::int as open,
          count(*) filter (where outcome = 'superseded')::int as superseded,
          count(*) filter (where outcome = 'crashed')::int as crashed
        from slabmend.journal`;
      for (const what of Object.keys(seen) as (keyof typeof seen)[]) seen[what] += count![what];
    }),
    { numRuns: runs, seed, endOnFailure: true },
  );
  console.info("state machine", { seed, runs, ...seen });
  // The random run must have covered the important actions.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0);
});

/** Ends a run: all leases expire as if all workers were gone, reap handles them, and the outbox is flushed. */
async function settle(): Promise<void> {
  await sql`update slabmend.leases set expires_at = clock_timestamp()`;
  await reapExpiredLeases(
    { ask: askOf(sql) },
    { quarantineMs: 1, successWindowMs: 1 },
    { breakerIsOpen: false, timeIsUp: () => false },
  );
  await until(
    () => flushMoved(sql),
    (flushed) => flushed === 0,
    { everyMs: 0 },
  );
}
