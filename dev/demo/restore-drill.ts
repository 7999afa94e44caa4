/**
 * `--restore`: indexd's database is lost after the repairs, and restored from a base backup made before the damage.
 *
 *   prepare (contracts, backup) -> ... repairs ... -> renew, prune, upload -> lose the server -> start the backup
 *     -> on a copy: what indexd would delete without a restore -> slabmend restore -> indexd's part -> release, prune
 *     -> read back
 */
import { spawn } from "node:child_process";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import postgres, { type Sql } from "postgres";
import { createDirectoryStorage } from "../../lib/archive/directory-storage.ts";
import { systemClock } from "../../lib/clock/clock.ts";
import { followArchive } from "../../lib/jobs/journal/follow-archive.ts";
import type { Kernel } from "../../lib/kernel/kernel.ts";
import { renewalIdOf } from "../../lib/rhp4/renewal-id.ts";
import type { ContractId, Root } from "../../lib/slab/ids.ts";
import { statisticsThatDisagree } from "../indexd/seed-statistics.ts";
import { takeBaseBackup } from "../postgres/base-backup.ts";
import { type BaseBackup, type PostgresServer, startPostgres } from "../postgres/postgres.ts";
import { createRunFolder } from "../process/run-folder.ts";
import type { DemoOptions } from "./demo-options.ts";
import { INDEXD_LOOPS } from "./fleet-settings.ts";
import { FLEET_ROLE } from "./open-database.ts";
import { type PlannedObject, planObjects } from "./plan-objects.ts";
import { prunableRoots, pruneHosts, renewWithHost, signContracts } from "./play-contracts.ts";
import { playIndexd } from "./play-indexd.ts";
import { counted, type Progress } from "./progress.ts";
import { readBack } from "./read-back.ts";
import type { DemoHost } from "./register-hosts.ts";
import { storeObjects } from "./store-objects.ts";

const SLABMEND = fileURLToPath(new URL("../../bin/slabmend.js", import.meta.url));
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Whether the host's contract is renewed after the backup: this is so for every second host. */
const RENEWED = (host: DemoHost): boolean => host.number % 2 === 1;

export interface RestoreDone {
  /**
   * Sectors that no host would have any more if indexd started on the backup without `slabmend restore`: indexd's
   * pruning would delete them.
   */
  readonly sectorsAtStake: number;
  /** Objects that would be lost with these sectors. */
  readonly objectsAtStake: number;
  readonly contractsChained: number;
  readonly recordsRead: number;
  readonly placed: number;
  readonly lost: number;
  readonly denied: number;
  readonly refused: number;
  /** Slabs that were uploaded after the backup was made, so that the backup does not contain them. */
  readonly slabsUnknown: number;
  /** Roots that indexd's pruning freed after `restore release-prunes`. */
  readonly pruned: number;
  readonly seconds: number;
  readonly unreadable: ReadonlyMap<number, string>;
  readonly violations: readonly string[];
}

export interface RestoreDrill {
  /** Where the fleet archives its journal. */
  readonly archive: string;
  /** Runs all steps after the repairs. Afterwards the client of the lost database must not be used. */
  run(parts: { readonly moved: ReadonlySet<Root> }): Promise<RestoreDone>;
  /** Removes its files. */
  stop(): Promise<void>;
}

interface DrillParts {
  readonly server: PostgresServer;
  readonly sql: Sql;
  readonly hosts: readonly DemoHost[];
  readonly objects: readonly PlannedObject[];
  readonly options: DemoOptions;
  readonly kernel: Kernel;
  readonly account: Uint8Array;
  readonly migrationSeed: Uint8Array;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export async function prepareRestore(parts: DrillParts): Promise<RestoreDrill> {
  const { server, sql, hosts, progress } = parts;
  const folder = await createRunFolder();
  const renter = generateKeyPairSync("ed25519").privateKey;
  await sql`update global_settings set wallet_hash = ${Buffer.alloc(32, 0x5a)}`;
  await sql`update slabmend.indexd set wallet_hash = ${Buffer.alloc(32, 0x5a)}`;
  await signContracts(sql, hosts, renter);
  const backup = await takeBaseBackup(server, sql, join(folder, "backup"));
  progress.line("a base backup of the database was made");
  const archive = join(folder, "archive");
  await mkdir(archive);
  return {
    archive,
    run: (rest) => drill({ ...parts, ...rest, renter, backup, archive }),
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}

type Drill = DrillParts & {
  readonly renter: KeyObject;
  readonly backup: BaseBackup;
  readonly archive: string;
  readonly moved: ReadonlySet<Root>;
};

async function drill(parts: Drill): Promise<RestoreDone> {
  const { server, sql, hosts, progress, archive, backup } = parts;
  await liveOn(parts);
  const follow = await followArchive(
    { ask: (statements) => statements(sql), storage: createDirectoryStorage(archive), clock: systemClock },
    60_000,
  );
  if (follow.stopped !== undefined) throw follow.stopped;
  await sql.end();
  await server.stop();
  progress.line("the database was lost");
  const startedAtMs = Date.now();
  const restored = await startPostgres({ backup });
  try {
    const url = restored.url("indexd");
    const stake = await countStake(restored, hosts);
    progress.line(
      `the backup runs; if indexd simply started on it, hosts would delete the only copies of ${counted(stake.sectors.size, "sector")}`,
    );
    await asOwner(url, (owner) => owner.unsafe(`alter role ${FLEET_ROLE} nologin`));
    const found = await slabmend(parts, url, "restore", "start");
    progress.line(
      `restored: ${counted(found.placed, "sector")} placed, ${found.contractsChained} contracts chained`,
    );
    const own = postgres(url, { max: 4, onnotice: () => {} });
    try {
      return {
        ...(await finish(parts, own, url)),
        ...found,
        ...summaryOf(stake),
        seconds: (Date.now() - startedAtMs) / 1_000,
      };
    } finally {
      await own.end();
    }
  } finally {
    await restored.stop();
  }
}

/** Makes changes after the repairs that the backup does not contain: renewals, pruning, an upload. */
async function liveOn({ sql, hosts, renter, options, kernel, signal }: Drill): Promise<void> {
  for (const host of hosts.filter(RENEWED)) await renewWithHost(sql, host, renter);
  await pruneHosts(sql, hosts, currentContract);
  const later = { ...options, slabs: 1, seed: `${options.seed}, later` };
  const good = await sql<{ id: number }[]>`
    select host_id as id from slabmend.host_states() where good and has_healthy_contract`;
  const placement = hosts
    .filter(({ row }) => good.some(({ id }) => id === row.id))
    .map(({ number }) => number);
  await storeObjects({
    sql,
    kernel,
    hosts,
    options: later,
    objects: planObjects(later),
    placement: [placement.slice(0, options.totalShards)],
    signal,
    onStored: () => {},
  });
}

const currentContract = (host: DemoHost): ContractId => {
  const { contractId } = host.row.contract!;
  return RENEWED(host) ? renewalIdOf(contractId) : contractId;
};

interface Stake {
  readonly sectors: ReadonlySet<Root>;
  readonly objects: number;
}

/**
 * Counts, on a copy of the restored database, the sectors that would have no copy left after indexd's pruning, and the
 * objects that would be lost with them.
 */
async function countStake(restored: PostgresServer, hosts: readonly DemoHost[]): Promise<Stake> {
  await asOwner(restored.url("postgres"), (owner) => owner`create database naive template indexd`);
  return await asOwner(restored.url("naive"), async (naive) => {
    const copies = new Map<Root, number>();
    const freed = new Map<Root, number>();
    for (const host of hosts) {
      for (const root of await host.swarm.sectorRoots()) copies.set(root, (copies.get(root) ?? 0) + 1);
      for (const root of await prunableRoots(naive, host, currentContract(host))) {
        freed.set(root, (freed.get(root) ?? 0) + 1);
      }
    }
    const known = await naive<{ root: string; slab: string; least: number }[]>`
      select encode(x.sector_root, 'hex') as root, s.id::text as slab, s.min_shards as least
      from slabs s join slab_sectors ss on ss.slab_id = s.id join sectors x on x.id = ss.sector_id`;
    const sectors = new Set<Root>();
    const left = new Map<string, { shards: number; least: number }>();
    for (const { root, slab, least } of known) {
      const remaining = (copies.get(root as Root) ?? 0) - (freed.get(root as Root) ?? 0);
      if (remaining === 0 && freed.has(root as Root)) sectors.add(root as Root);
      const entry = left.get(slab) ?? { shards: 0, least };
      left.set(slab, { ...entry, shards: entry.shards + (remaining > 0 ? 1 : 0) });
    }
    const lost = [...left].filter(([, { shards, least }]) => shards < least).map(([slab]) => slab);
    const [objects] = await naive<{ n: number }[]>`
      select count(distinct o.object_id)::integer as n from object_slabs o join slabs s on s.digest = o.slab_digest
      where s.id = any (${`{${lost.join(",")}}`}::text::bigint[])`;
    return { sectors, objects: objects!.n };
  });
}

const summaryOf = ({ sectors, objects }: Stake) => ({
  sectorsAtStake: sectors.size,
  objectsAtStake: objects,
});

/** Runs indexd's loops once, releases pruning, prunes, and reads back every object that the backup contains. */
async function finish(parts: Drill, sql: Sql, url: string) {
  const { hosts, account, objects, kernel, options, progress, signal, moved } = parts;
  const indexd = playIndexd({ sql, hosts, account, loops: INDEXD_LOOPS });
  const failure = await indexd.stop();
  await slabmend(parts, url, "restore", "release-prunes");
  const pruned = await pruneHosts(sql, hosts, currentContract);
  progress.status("reading objects back after the restore");
  const unreadable = await readBack({
    sql,
    kernel,
    hosts,
    objects,
    seed: options.seed,
    moved,
    signal,
    onRead: () => {},
  });
  progress.clear();
  const twice = await sql`
    select from slab_sectors ss join sectors s on s.id = ss.sector_id where s.host_id is not null
    group by ss.slab_id, s.host_id having count(*) > 1`;
  const violations = [
    ...(await statisticsThatDisagree(sql)).map((line) => `after the restore: ${line}`),
    ...(twice.length > 0 ? [`after the restore: ${twice.length} hosts have two sectors of a slab`] : []),
    ...(failure === undefined ? [] : [`after the restore indexd's own loops failed: ${failure.message}`]),
    ...[...unreadable].map(([number, why]) => `after the restore object ${number} was not read back: ${why}`),
  ];
  return { pruned, unreadable, violations };
}

/** Runs a slabmend command as an operator does. Returns the statistics of the maintenance run. */
async function slabmend({ migrationSeed, archive }: Drill, url: string, ...args: string[]) {
  const child = spawn(process.execPath, [SLABMEND, "--json", ...args], {
    cwd: ROOT,
    env: {
      PATH: process.env["PATH"],
      SLABMEND_DATABASE_URL: url,
      SLABMEND_MIGRATION_SEED: Buffer.from(migrationSeed).toString("hex"),
      SLABMEND_ARCHIVE: archive,
      SLABMEND_ALLOW_PRIVATE_ADDRESSES: "true",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  // Exit code 6 means that there are findings; the run's report lists them.
  if (code !== 0 && code !== 6)
    throw new Error(`slabmend ${args.join(" ")} ended with ${code}: ${err.slice(0, 500)}`);
  const { run } = JSON.parse(out) as {
    run?: { statistics: Record<string, number | Record<string, number>> };
  };
  const of = (name: string): number => {
    const value = run?.statistics[name] ?? 0;
    return typeof value === "number" ? value : Object.values(value).reduce((sum, n) => sum + n, 0);
  };
  return {
    contractsChained: of("contractsChained"),
    recordsRead: of("recordsRead"),
    placed: of("placed"),
    lost: of("lost"),
    denied: of("denied"),
    refused: of("refused"),
    slabsUnknown: of("slabsUnknown"),
  };
}

async function asOwner<Result>(url: string, run: (sql: Sql) => PromiseLike<Result>): Promise<Result> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await run(sql);
  } finally {
    await sql.end();
  }
}
