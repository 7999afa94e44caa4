/**
 * `npm run bench:claim`: claims, the walk and commits on a real PostgreSQL 18 with ten million sectors; prints one JSON
 * object.
 *
 *   --slabs N (333333)  --hosts N (500)  --small-slabs N (3333) of the small database
 *   --seconds N (10)    how long indexd's writes are measured
 *   --commits N (4000)  commits for each number of workers, once with slabs of many objects and once with slabs of one
 *   --plans FILE        output file for the walk's plans; default bench-claim-plans.json
 *
 * Needs about 10 GB of disk and fifteen minutes at full size. The server keeps PostgreSQL's default durability.
 */
import { writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import postgres, { type Sql } from "postgres";
import { startPostgres } from "../dev/postgres/postgres.ts";
import { commitTogether } from "./claim/commit-rates.ts";
import { type GeneratedIndexd, generateIndexd, loseHosts, type Scale } from "./claim/generate-indexd.ts";
import { disturbIndexd } from "./claim/indexd-writes.ts";
import {
  leaseAlone,
  leasesUntilNearest,
  leaseTogether,
  nearestToLoss,
  orderBySectorId,
} from "./claim/lease-rates.ts";
import { round } from "./claim/samples.ts";
import { explainPage, walkEverything } from "./claim/walk-cost.ts";

const { values } = parseArgs({
  options: {
    slabs: { type: "string", default: "333333" },
    hosts: { type: "string", default: "500" },
    "small-slabs": { type: "string", default: "3333" },
    seconds: { type: "string", default: "10" },
    commits: { type: "string", default: "4000" },
    plans: { type: "string", default: "bench-claim-plans.json" },
  },
});
const NEAREST = 1_000;
const scale = (slabs: number): Scale => ({ slabs, hosts: Number(values.hosts), minShards: 10, shards: 30 });
const say = (what: string): void => console.error(`${new Date().toISOString().slice(11, 19)} ${what}`);

const server = await startPostgres({
  maxConnections: 120,
  durability: "full",
  settings: {
    shared_buffers: "2GB",
    max_wal_size: "16GB",
    checkpoint_timeout: "30min",
    wal_level: "minimal",
    max_wal_senders: "0",
  },
});
const interrupted = (): void => void server.stop().finally(() => process.exit(130));
process.once("SIGINT", interrupted);
process.once("SIGTERM", interrupted);

async function withDatabase<Result>(
  name: string,
  work: (url: string, sql: Sql) => Promise<Result>,
): Promise<Result> {
  const admin = postgres(server.url("postgres"), { max: 1 });
  await admin.unsafe(`create database ${name}`);
  const sql = postgres(server.url(name), { max: 1, onnotice: () => {} }) as Sql;
  try {
    return await work(server.url(name), sql);
  } finally {
    await sql.end();
    await admin.unsafe(`drop database ${name}`);
    await admin.end();
  }
}

/** Resets the state: no leases, no earlier attempts, and an empty backlog, which the next walk fills. */
async function forgetLeases(sql: Sql): Promise<void> {
  await sql`truncate slabmend.leases, slabmend.backlog, slabmend.marks, slabmend.walks, slabmend.repairs`;
  await sql`update slabs set next_repair_attempt = now() - interval '2 hours' where next_repair_attempt > now()`;
  await sql.unsafe("vacuum analyze slabs");
  await vacuumBacklog(sql);
  // Flushes the statistics, so that what was read until now does not count as read by the walk.
  await sql`select pg_stat_force_next_flush()`;
}

/**
 * Brings the database into the state of a running server some minutes after the walk: vacuumed, and after a checkpoint.
 * Without the checkpoint, the next writes would put no full page images into the WAL. Without the checkpoint, reads
 * would also be slow: the walk leaves gigabytes of dirty pages, and each read from disk would first have to wait until
 * a dirty page is written.
 */
async function minutesLater(sql: Sql): Promise<void> {
  await vacuumBacklog(sql);
  await sql.unsafe("checkpoint");
}

async function vacuumBacklog(sql: Sql): Promise<void> {
  await sql.unsafe("vacuum analyze slabmend.backlog");
}

async function small() {
  return withDatabase("small", async (url, sql) => {
    const indexd = await generateIndexd(sql, scale(Number(values["small-slabs"])));
    await loseHosts(sql, indexd.hosts.slice(0, Math.ceil(indexd.hosts.length / 10)));
    await walkEverything(url);
    await minutesLater(sql);
    const batches = Math.floor(indexd.scale.slabs / 250);
    return {
      sectors: indexd.scale.slabs * indexd.scale.shards,
      ...(await leaseAlone(url, { slabs: indexd.scale.slabs, batches })).result,
    };
  });
}

async function oneHost(url: string, sql: Sql, indexd: GeneratedIndexd) {
  const sectors = await loseHosts(sql, indexd.hosts.slice(0, 1));
  const walk = await walkEverything(url);
  await minutesLater(sql);
  const alone = await leaseAlone(url, {
    slabs: indexd.scale.slabs,
    batches: Math.floor(sectors / 200),
  });
  const together = await leaseTogether(url, 8, sectors);
  return {
    sectors,
    walk,
    oneClaimer: alone.result,
    eightClaimers: together.result,
    twice: twice([...alone.leased, ...together.leased]),
  };
}

async function tenthOfHosts(url: string, sql: Sql, indexd: GeneratedIndexd) {
  const dead = indexd.hosts.slice(0, Math.ceil(indexd.hosts.length / 10));
  say("a tenth of all hosts fails");
  const startedAt = performance.now();
  const sectors = await loseHosts(sql, dead.slice(1));
  const markingSeconds = round((performance.now() - startedAt) / 1000);
  await forgetLeases(sql);
  say("walk");
  const walk = await walkEverything(url);
  say("a pass without changes");
  const again = await walkEverything(url);
  const nearest = await nearestToLoss(sql, NEAREST);
  await minutesLater(sql);
  say("lease");
  const { slabs } = indexd.scale;
  // The backlog is vacuumed between the two measurements of leasing. In production, repairing as many slabs as the
  // first measurement leases takes so long that autovacuum vacuums the backlog meanwhile.
  const alone = await leaseAlone(url, { slabs, batches: Math.floor(slabs / 555) });
  await vacuumBacklog(sql);
  say("indexd's writes");
  const disturbance = await disturbIndexd(url, indexd, Number(values.seconds));
  const together = await leaseTogether(url, 8, Math.floor(slabs / 3));
  const all = [...alone.leased, ...together.leased];
  const bySectorId = await orderBySectorId(sql);
  return {
    sectors,
    markingSeconds,
    walk,
    secondPass: again,
    oneClaimer: alone.result,
    eightClaimers: together.result,
    twice: twice(all),
    order: {
      nearest: NEAREST,
      leasesUntilAllNearest: leasesUntilNearest(alone.leased, nearest, NEAREST),
      leasesUntilAllNearestBySectorId: leasesUntilNearest(bySectorId, nearest, NEAREST),
    },
    indexdsWrites: disturbance,
  };
}

/** Counts the leases of slabs that already had a lease; the result must be 0. */
const twice = (leased: readonly bigint[]): number => leased.length - new Set(leased).size;

/**
 * Measures the walk over sectors in bad contracts: blocks a twentieth of the hosts and makes their contracts bad. The
 * sectors in these contracts are not lost.
 */
async function blockedHosts(url: string, sql: Sql, indexd: GeneratedIndexd) {
  const blocked = indexd.hosts.slice(-Math.ceil(indexd.hosts.length / 20)).map(({ id }) => id);
  await forgetLeases(sql);
  await sql`update contracts set good = false where host_id = any (${blocked}::integer[])`;
  await sql`insert into hosts_blocklist (public_key) select public_key from hosts where id = any (${blocked}::integer[])`;
  const walk = await walkEverything(url, ["bad-contract"]);
  const plans = await explainPage(url, "bad-contract");
  await sql`delete from hosts_blocklist where public_key in (select public_key from hosts where id = any (${blocked}::integer[]))`;
  await sql`update contracts set good = true where host_id = any (${blocked}::integer[])`;
  return { hosts: blocked.length, walk, plans };
}

async function large() {
  return withDatabase("large", async (url, sql) => {
    const startedAt = performance.now();
    const indexd = await generateIndexd(sql, scale(Number(values.slabs)));
    const generationSeconds = round((performance.now() - startedAt) / 1000);
    say(`generated in ${generationSeconds} s; one host fails`);
    const one = await oneHost(url, sql, indexd);
    const tenth = await tenthOfHosts(url, sql, indexd);
    const lostPlan = await explainPage(url, "lost");
    say("commits");
    await forgetLeases(sql);
    const commits = [];
    for (const objects of ["many", "one"] as const) {
      for (const workers of [1, 8, 64]) {
        commits.push(
          await commitTogether(url, indexd, { workers, objects, commits: Number(values.commits) }),
        );
      }
    }
    say("blocked hosts");
    const { plans, ...blocked } = await blockedHosts(url, sql, indexd);
    await writeFile(values.plans, JSON.stringify({ lost: lostPlan, "bad-contract": plans }, null, 1));
    const [size] = await sql<
      { bytes: number }[]
    >`select pg_database_size(current_database())::float8 as bytes`;
    return {
      sectors: indexd.scale.slabs * indexd.scale.shards,
      generationSeconds,
      databaseGigabytes: round(size!.bytes / 1e9),
      oneHostDies: one,
      tenthOfHostsDies: tenth,
      hostsBlocked: blocked,
      commits,
      plans: values.plans,
    };
  });
}

try {
  say("small database");
  const smallResult = await small();
  say("large database");
  const largeResult = await large();
  const { oneClaimer, eightClaimers } = largeResult.tenthOfHostsDies;
  const report = {
    machine: { cpu: cpus()[0]?.model.trim(), cores: cpus().length, memoryGigabytes: round(totalmem() / 1e9) },
    node: process.version,
    aims: {
      atLeast5000LeasesPerSecondWithEight: eightClaimers.leasesPerSecond,
      medianAtMost1_5TimesFromSmallToLarge: round(oneClaimer.leasing.medianMs / smallResult.leasing.medianMs),
      slabsLeasedTwice: largeResult.oneHostDies.twice + largeResult.tenthOfHostsDies.twice,
      firstThousandLeasesAreTheNearest: largeResult.tenthOfHostsDies.order.leasesUntilAllNearest,
    },
    small: smallResult,
    large: largeResult,
  };
  console.log(JSON.stringify(report, null, 2));
} finally {
  await server.stop();
}
