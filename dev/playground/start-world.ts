/**
 * Builds everything around slabmend in the playground, from an empty folder: PostgreSQL with indexd's tables and
 * slabmend's schema, hosts with real erasure-coded objects on them, and a simulated indexd. Everything ends when the
 * stack is disposed of, or when this process is killed.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sql } from "postgres";
import { createKernel, type Kernel } from "../../lib/kernel/kernel.ts";
import { accountKeyFromSeed } from "../../lib/keys/account-key.ts";
import { type DatabaseProxy, startDatabaseProxy } from "../demo/database-proxy.ts";
import { INDEXD_LOOPS, MIN_HOST_DISTANCE_KM } from "../demo/fleet-settings.ts";
import { openDatabase } from "../demo/open-database.ts";
import { type PlannedObject, planObjects } from "../demo/plan-objects.ts";
import { playIndexd } from "../demo/play-indexd.ts";
import { type DemoHost, registerHosts, TIP_HEIGHT } from "../demo/register-hosts.ts";
import { seededBytes, seededRandom, shuffled } from "../demo/seeded-random.ts";
import { storeObjects } from "../demo/store-objects.ts";
import { NEWEST_VERSION } from "../indexd/indexd-schema.ts";
import { startPostgres } from "../postgres/postgres.ts";
import { type ParentGuard, startParentGuard } from "../process/parent-guard.ts";
import { createRunFolder } from "../process/run-folder.ts";
import { startSwarmProcess } from "../swarm/start-swarm-process.ts";
import type { PlaygroundOptions } from "./playground-options.ts";

/** Memory of the kernel with which this process encodes and decodes the objects. */
const KERNEL_BYTES = 48 * 1_048_576;
/**
 * The interval of simulated scans. indexd scans a host about every hour; in the playground, an hour would be too long
 * to wait.
 */
const SCAN_EVERY_MS = 15_000;

export interface World {
  readonly sql: Sql;
  /** The proxy between slabmend and the database. */
  readonly database: Pick<DatabaseProxy, "fallSilent" | "recover">;
  readonly hosts: readonly DemoHost[];
  readonly objects: readonly PlannedObject[];
  readonly kernel: Kernel;
  readonly guard: ParentGuard;
  /** Private folder; removed at the end. */
  readonly folder: string;
  /** The file for --variables-file, mode 0600, with the fleet's URL and seed. */
  readonly variablesFile: string;
  /** Seed of the objects' data and of the placement of sectors. */
  readonly seed: string;
  /** The superuser's URL of a database on this world's server. It contains a password. */
  readonly serverUrl: (database: string) => string;
}

export async function startWorld(
  stack: AsyncDisposableStack,
  options: PlaygroundOptions,
  { signal, say }: { readonly signal: AbortSignal; readonly say: (status: string) => void },
): Promise<World> {
  const guard = await startParentGuard();
  stack.defer(() => guard.release());
  const folder = await createRunFolder();
  guard.removeFolder(folder);
  stack.defer(() => rm(folder, { recursive: true, force: true }));

  say("starting PostgreSQL and the hosts");
  const postgres = await startPostgres({ settings: { synchronous_commit: "on", full_page_writes: "on" } });
  stack.defer(() => postgres.stop());
  signal.throwIfAborted();
  const { sql, fleetUrl, connect } = await openDatabase(postgres, options.workers, NEWEST_VERSION);
  stack.defer(() => sql.end({ timeout: 1 }));
  const database = await startDatabaseProxy(fleetUrl);
  stack.defer(() => database.stop());
  const hostsFolder = join(folder, "hosts");
  await mkdir(hostsFolder);
  const swarm = await startSwarmProcess({
    hostCount: options.hosts,
    dir: hostsFolder,
    seed: options.seed,
    tipHeight: TIP_HEIGHT,
  });
  stack.defer(() => swarm.stop());
  signal.throwIfAborted();

  const migrationSeed = seededBytes(options.seed, "migration seed", 32);
  const { account } = accountKeyFromSeed(migrationSeed);
  const hosts = await registerHosts(sql, swarm, account);
  const kernel = createKernel({ memoryBytes: KERNEL_BYTES });
  const objects = planObjects(options);
  let stored = 0;
  await storeObjects({
    sql,
    kernel,
    hosts,
    options,
    objects,
    placement: placeSlabs(options),
    signal,
    onStored(count) {
      stored += count;
      say(`storing sector ${stored} of ${options.slabs * options.totalShards}`);
    },
  });

  const indexdSql = connect();
  stack.defer(() => indexdSql.end());
  const indexd = playIndexd({ sql: indexdSql, hosts, account, loops: INDEXD_LOOPS });
  stack.defer(async () => void (await indexd.stop()));
  const scans = setInterval(() => void scanHosts(sql).catch(() => {}), SCAN_EVERY_MS);
  stack.defer(() => clearInterval(scans));

  const variablesFile = join(folder, "playground.env");
  await writeFile(variablesFile, variablesOf(database.url, migrationSeed, options), { mode: 0o600 });
  const serverUrl = (name: string): string => postgres.url(name);
  return {
    sql,
    database,
    hosts,
    objects,
    kernel,
    guard,
    folder,
    variablesFile,
    seed: options.seed,
    serverUrl,
  };
}

/** The variables that an operator would set, with changes for a playground on one machine. */
function variablesOf(fleetUrl: string, migrationSeed: Uint8Array, options: PlaygroundOptions): string {
  const variables = {
    SLABMEND_DATABASE_URL: fleetUrl,
    SLABMEND_MIGRATION_SEED: Buffer.from(migrationSeed).toString("hex"),
    SLABMEND_REPAIR_CONCURRENCY: String(options.workers),
    // In production slabmend leaves an unhealthy slab alone for an hour, so that indexd can repair it, and for six
    // hours if only contracts or hosts are bad. That is too long to watch.
    SLABMEND_INDEXD_GRACE_SECONDS: "0",
    SLABMEND_BAD_CONTRACT_GRACE_SECONDS: "0",
    SLABMEND_BAD_HOST_GRACE_SECONDS: "0",
    SLABMEND_MIN_HOST_DISTANCE_KM: String(MIN_HOST_DISTANCE_KM),
    SLABMEND_ALLOW_PRIVATE_ADDRESSES: "true",
  };
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

/** Chooses random hosts for the sectors of each slab, one host per sector. */
function placeSlabs({ slabs, hosts, totalShards, seed }: PlaygroundOptions): number[][] {
  const random = seededRandom(seed, "placement");
  const all = Array.from({ length: hosts }, (_, host) => host);
  return Array.from({ length: slabs }, () => shuffled(all, random).slice(0, totalShards));
}

/** Simulates a successful scan of each host whose last scan did not fail. */
async function scanHosts(sql: Sql): Promise<void> {
  await sql`
    update hosts set last_successful_scan = now(), settings_valid_until = now() + interval '30 minutes'
    where consecutive_failed_scans = 0`;
}
