/**
 * Seeds a database with a fleet in danger, for the console's tests: hosts, slabs, damage that the real walk finds, and
 * the records of a day of repairs. Random numbers come from a seeded generator.
 */
import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import { systemClock } from "../../lib/clock/clock.ts";
import { reportHostScores } from "../../lib/database/fleet/host-scores.ts";
import { noteRun } from "../../lib/database/fleet/last-runs.ts";
import { tellAlive } from "../../lib/database/fleet/workers.ts";
import { verifyIndexd } from "../../lib/database/indexd/version/verify-indexd.ts";
import { leaseBatch } from "../../lib/database/leases/lease-batch.ts";
import { DEFAULT_WALK_SETTINGS } from "../../lib/jobs/backlog/backlog-settings.ts";
import { walkBacklog } from "../../lib/jobs/backlog/walk.ts";
import {
  blockHost,
  LOST,
  placeOn,
  type SectorSeed,
  type SeededHost,
  type SeededSlab,
  seedAccount,
  seedContract,
  seedNetwork,
  seedObject,
  seedSlabs,
} from "../indexd/seed-indexd.ts";
import { seedJournal } from "./seed-journal.ts";

interface FleetSize {
  readonly hosts: number;
  readonly slabs: number;
}

const MIN_SHARDS = 10;
const TOTAL_SHARDS = 30;

/** How many slabs are in danger: the first ones. The slab after them has shards in many states. */
const IN_DANGER = 9;

/** Hours of journal. */
const HISTORY_HOURS = 26;

/** A small generator (mulberry32) of random numbers from 0 up to 1. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Seeds a database in which the tables of indexd and slabmend exist and are empty. */
export async function seedFleet(
  sql: Sql,
  { hosts: hostCount, slabs: slabCount }: FleetSize,
): Promise<{ readonly slabs: readonly SeededSlab[] }> {
  const next = numbersFrom(7);
  const hosts = await seedHosts(sql, hostCount, next);
  const slabs = await seedDamagedSlabs(sql, hosts, slabCount, next);
  await seedObjects(sql, slabs);
  await verifyIndexd(sql, undefined);
  await walkBacklog(
    { ask: (statements) => statements(sql), clock: systemClock },
    { ...DEFAULT_WALK_SETTINGS, indexdGraceMs: 0 },
    60_000,
  );
  await noteRun(sql, "claim");
  await noteRun(sql, "reap");
  await tellAlive(sql, {
    id: randomUUID(),
    command: "serve",
    host: "indexer-1",
    pid: 4_711,
    concurrency: 4,
    running: 3,
    state: "working",
    trouble: undefined,
  });
  await seedJournal(sql, { slabs, hosts, hours: HISTORY_HOURS, next });
  await seedStanding(sql, slabs);
  await seedBudget(sql);
  return { slabs };
}

/** Most hosts take sectors; a few are blocked, fail indexd's checks, are full, or are slow. */
async function seedHosts(sql: Sql, count: number, next: () => number): Promise<SeededHost[]> {
  const hosts = await seedNetwork(sql, {
    hosts: count,
    // Anyone can get a name in this domain, so hosts with such names do not count as hosts of one operator.
    seed: (n) => ({ addresses: [`sia-host-${n + 1}.duckdns.org:9984`] }),
  });
  await sql`update hosts set last_successful_scan = clock_timestamp() - interval '90 seconds'`;
  for (const host of hosts.slice(-3)) await blockHost(sql, host.hostKey);
  await sql`update hosts set recent_uptime = 0.4 where id = any (${hosts.slice(-8, -3).map(({ id }) => id)}::integer[])`;
  await reportHostScores(
    sql,
    hosts.slice(0, -3).map(({ hostKey }, index) => {
      const bytes = 4_194_304 * 12;
      return {
        hostKey,
        readBytes: bytes,
        readMs: bytes / (200 * 10 ** (2.4 * next())),
        writeBytes: bytes,
        writeMs: bytes / (150 * 10 ** (2.2 * next())),
        successes: 40,
        failures: index % 23 === 5 ? 60 : 0,
        outOfFunds: false,
        full: index % 11 === 7,
        stored: index % 11 !== 7,
      };
    }),
  );
  return hosts;
}

/**
 * Two slabs in five have bad sectors. Most of these slabs have a few bad sectors; the slabs in danger have nearly as
 * many as a slab can survive.
 */
async function seedDamagedSlabs(
  sql: Sql,
  hosts: readonly SeededHost[],
  total: number,
  next: () => number,
): Promise<SeededSlab[]> {
  const good = hosts.slice(0, -12);
  // These hosts are good, but their contracts are bad, so their sectors must move too.
  const ended = await Promise.all(
    hosts.slice(-12, -8).map(async ({ id }) => {
      const { mapId } = await seedContract(sql, id, { good: false });
      return { hostId: id, mapId };
    }),
  );
  const bad = placeOn(hosts.slice(-8));
  const damaged = Math.ceil(total * 0.4);
  const planned = Array.from({ length: total }, (_, n) => {
    const start = Math.floor(next() * good.length);
    const chosen = new Set(
      Array.from({ length: good.length }, (_unused, index) => good[(start + index * 7) % good.length]!),
    );
    const sectors: SectorSeed[] = placeOn([...chosen].slice(0, TOTAL_SHARDS));
    if (n >= damaged) return { sectors };
    if (n < IN_DANGER) return { sectors: damage(sectors, 18 + (n % 3 === 0 ? 1 : 0), [], []) };
    return { sectors: damage(sectors, n === IN_DANGER ? 13 : 1 + Math.floor(next() ** 2 * 14), bad, ended) };
  });
  return await seedSlabs(sql, { slabs: planned, minShards: MIN_SHARDS });
}

/** Damages `count` sectors, spread over the slab: most are lost, some are on bad hosts, some are in ended contracts. */
function damage(
  sectors: readonly SectorSeed[],
  count: number,
  bad: readonly SectorSeed[],
  ended: readonly SectorSeed[],
): SectorSeed[] {
  const replaced = Array.from({ length: count }, (_, n) => {
    if (n % 4 === 1) return bad[n >> 2] ?? LOST;
    return n % 4 === 2 ? (ended[n >> 2] ?? LOST) : LOST;
  });
  return sectors.map((sector, index) => replaced[(index * 11) % TOTAL_SHARDS] ?? sector);
}

async function seedObjects(sql: Sql, slabs: readonly SeededSlab[]): Promise<void> {
  const accountId = await seedAccount(sql);
  for (let first = 0; first < Math.min(slabs.length, 30); first += 3) {
    await seedObject(sql, { accountId, slabs: slabs.slice(first, first + 3) });
  }
}

/** Seeds running leases, a dead letter and a slab in quarantine. */
async function seedStanding(sql: Sql, slabs: readonly SeededSlab[]): Promise<void> {
  const { leases } = await leaseBatch(sql, {
    order: "urgency",
    urgencyAbove: -1,
    waitedMs: 86_400_000,
    dangerAbove: 1e-4,
    maxLeases: 5,
    maxInFlight: null,
    throughQueue: false,
    holdMs: 3_600_000,
    graceMs: 0,
  });
  await sql`
    update slabmend.leases set began_at = clock_timestamp(), worker = 'indexer-1/1'
    where slab_id = any (${leases.slice(0, 3).map(({ slabId }) => String(slabId))}::bigint[])`;
  const [, crashed] = slabs.slice(-2);
  await sql`
    insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, crashes, next_repair_attempt,
      quarantined_until, quarantine_reason)
    values (${String(crashed!.id)}, ${Buffer.from(crashed!.digest, "hex")}, 'crashed', clock_timestamp() - interval '2 hours', 3,
      clock_timestamp(), clock_timestamp() + interval '22 hours', '3 repairs crashed')`;
  await sql`
    insert into slabmend.dead_letters (message_id, body, body_bytes, cause, slab_id, token, receive_count, first_seen, last_seen)
    values (${randomUUID()}, '{}', 2, 'not-a-repair', null, null, 5, clock_timestamp() - interval '3 hours',
      clock_timestamp() - interval '40 minutes')`;
}

async function seedBudget(sql: Sql): Promise<void> {
  const limits = { hastings: `250${"0".repeat(24)}`, bytesRead: "900000000000" };
  const spent = { hastings: `182${"0".repeat(24)}`, bytesRead: "512000000000" };
  await sql`
    update slabmend.budget set limits = ${JSON.stringify(limits)}::text::jsonb, checked_at = clock_timestamp(),
      spent = ${JSON.stringify(spent)}::text::jsonb`;
}
