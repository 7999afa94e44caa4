/**
 * The official SDK's world: indexd's tables in a separate PostgreSQL, hosts, the app API, and a simulated indexd.
 * Everything starts with `startSdkWorld` and ends with `stop`.
 */
import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sql } from "postgres";
import { INDEXD_LOOPS, QUEUE_OPTIONS } from "../../../dev/demo/fleet-settings.ts";
import { type DemoDatabase, openDatabase } from "../../../dev/demo/open-database.ts";
import { playIndexd } from "../../../dev/demo/play-indexd.ts";
import {
  type DemoHost,
  FUNDING_TARGET_HASTINGS,
  registerHosts,
  TIP_HEIGHT,
} from "../../../dev/demo/register-hosts.ts";
import { seededBytes } from "../../../dev/demo/seeded-random.ts";
import type { StoredSlab } from "../../../dev/demo/store-objects.ts";
import { INDEXD_RELEASES } from "../../../dev/indexd/indexd-schema.ts";
import { type LocalRuntime, startLocalRuntime } from "../../../dev/runtime/runtime.ts";
import { startSwarmProcess } from "../../../dev/swarm/start-swarm-process.ts";
import type { Swarm } from "../../../dev/swarm/swarm.ts";
import { accountKeyFromSeed } from "../../../lib/keys/account-key.ts";
import { parseRoot, parseSlabDigest, parseSlabId } from "../../../lib/slab/ids.ts";
import { untilEqual } from "../../support/until.ts";
import { type AppApi, startAppApi } from "../app-api/app-api.ts";
import { type OfficialClient, officialClient } from "./official-client.ts";
import { CODE, HOST_COUNT } from "./plan-losses.ts";
import { startRustHosts } from "./rust-hosts.ts";

export interface SdkWorldOptions {
  /** Seed of keys and contents. The SDK's own keys and its choices of hosts do not depend on this seed. */
  readonly seed: string;
  /** Virtual environment of the SDK. */
  readonly environment: string;
  /** The program that runs hosts made of the official crates. If undefined, the hosts are those of dev/swarm. */
  readonly rustHost: string | undefined;
  readonly workers: number;
}

/** The objects stored with the SDK. */
export interface StoredObject {
  readonly id: string;
  readonly content: Buffer;
}

export interface SdkWorld {
  readonly sql: Sql;
  readonly database: DemoDatabase;
  readonly runtime: LocalRuntime<Swarm>;
  readonly hosts: readonly DemoHost[];
  readonly client: OfficialClient;
  readonly api: AppApi;
  readonly migrationSeed: Buffer;
  /** Stores objects of every shape: of two slabs, appended to, partly overwritten, and three packed into one slab. */
  storeObjects(): Promise<StoredObject[]>;
  storeObject(name: string, sizeBytes: number): Promise<StoredObject>;
  /** Resolves when the simulated indexd has pinned every sector. */
  allPinned(): Promise<void>;
  /** The current slabs in the tables, with the host number of each sector. */
  readSlabs(): Promise<{ readonly slabs: StoredSlab[]; readonly placement: number[][] }>;
  /** Stops the simulated indexd after a last pass. @returns the first error of its passes, if any */
  stopIndexd(): Promise<Error | undefined>;
  stop(): Promise<void>;
}

export async function startSdkWorld(options: SdkWorldOptions): Promise<SdkWorld> {
  const { seed, rustHost, workers } = options;
  const stack = new AsyncDisposableStack();
  try {
    const migrationSeed = seededBytes(seed, "migration seed", 32);
    const { account } = accountKeyFromSeed(migrationSeed);
    let folder = "";
    const runtime = await startLocalRuntime<Swarm>({
      queue: QUEUE_OPTIONS,
      startSwarm: (dir) => {
        folder = dir;
        const sectors = join(dir, "sectors");
        return rustHost === undefined
          ? startSwarmProcess({ hostCount: HOST_COUNT, dir: sectors, seed, tipHeight: TIP_HEIGHT })
          : startRustHosts(rustHost, { hostCount: HOST_COUNT, folder: sectors, seed });
      },
    });
    stack.defer(() => runtime.stop());
    // The release is 0.4.4, because the app API below lists and pins as indexd 0.4.4 does.
    const database = await openDatabase(runtime.postgres, workers, INDEXD_RELEASES["0.4.4"]);
    const { sql } = database;
    stack.defer(() => sql.end({ timeout: 1 }));
    const hosts = await registerHosts(sql, runtime.swarm, account);
    const appSeed = seededBytes(seed, "app's key", 32);
    await openAccount(sql, hosts, accountKeyFromSeed(appSeed).account);
    const api = await startAppApi(sql);
    stack.defer(() => api.stop());
    const indexd = playIndexd({ sql, hosts, account, loops: INDEXD_LOOPS });
    let stopping: Promise<Error | undefined> | undefined;
    const stopIndexd = (): Promise<Error | undefined> => {
      stopping ??= indexd.stop();
      return stopping;
    };
    stack.defer(async () => void (await stopIndexd()));
    const { environment } = options;
    const client = officialClient({ environment, indexerUrl: api.url, appSeed, code: CODE });
    const saved = async (name: string, sizeBytes: number) => {
      const content = seededBytes(seed, `content ${name}`, sizeBytes);
      const path = join(folder, name);
      await writeFile(path, content);
      return { path, content };
    };
    const storeObject = async (name: string, sizeBytes: number): Promise<StoredObject> => {
      const { path, content } = await saved(name, sizeBytes);
      return { id: await client.upload(path), content };
    };
    return {
      sql,
      database,
      runtime,
      hosts,
      client,
      api,
      migrationSeed,
      storeObject,
      async storeObjects() {
        const large = await storeObject("large", 13_000_001);
        const first = await storeObject("first", 1_500_000);
        const more = await saved("more", 777_777);
        const longer = Buffer.concat([first.content, more.content]);
        const appended = { id: await client.append(first.id, more.path), content: longer };
        const patch = await saved("patch", 100_000);
        const offset = 1_000_001;
        const patched = Buffer.from(longer);
        patched.set(patch.content, offset);
        const overwritten = {
          id: await client.overwrite(appended.id, patch.path, offset),
          content: patched,
        };
        const small = await Promise.all([saved("tiny", 1), saved("odd", 65_537), saved("medium", 2_000_000)]);
        const ids = await client.pack(small.map(({ path }) => path));
        const packed = small.map(({ content }, index) => ({ id: ids[index]!, content }));
        return [large, first, appended, overwritten, ...packed];
      },
      allPinned: () =>
        untilEqual(async () => {
          const [row] = await sql<{ left: number }[]>`
            select count(*)::integer as left from sectors where contract_sectors_map_id is null`;
          return row!.left;
        }, 0),
      readSlabs: () => readSlabs(sql, hosts),
      stopIndexd,
      stop: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Registers an app account, and gives it funds on every host. */
async function openAccount(sql: Sql, hosts: readonly DemoHost[], publicKey: Uint8Array): Promise<void> {
  await sql`
    with k as (
      insert into app_connect_keys (user_secret, app_key, use_description, quota_name)
      values (${randomBytes(32)}, 'interop', 'interop', 'default') returning id
    )
    insert into accounts (public_key, connect_key_id, max_pinned_data)
    select ${Buffer.from(publicKey)}, k.id, 1000000000000 from k`;
  for (const { swarm } of hosts) await swarm.fund(publicKey, FUNDING_TARGET_HASTINGS);
}

async function readSlabs(sql: Sql, hosts: readonly DemoHost[]) {
  const rows = await sql<{ id: string; digest: string; sectors: { root: string; host: number | null }[] }[]>`
    select s.id::text, encode(s.digest, 'hex') as digest,
      (select jsonb_agg(jsonb_build_object('root', encode(x.sector_root, 'hex'), 'host', x.host_id) order by ss.slab_index)
        from slab_sectors ss join sectors x on x.id = ss.sector_id where ss.slab_id = s.id) as sectors
    from slabs s order by s.id`;
  return {
    slabs: rows.map(({ id, digest, sectors }) => ({
      id: parseSlabId(id),
      digest: parseSlabDigest(digest),
      roots: sectors.map(({ root }) => parseRoot(root)),
    })),
    placement: rows.map(({ sectors }) =>
      sectors.map(({ host }) => hosts.findIndex(({ row }) => row.id === host)),
    ),
  };
}
