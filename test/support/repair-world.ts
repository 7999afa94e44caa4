/**
 * Everything that a repair needs, without simulation: a database with indexd's tables and ours, hosts on loopback that
 * hold real erasure-coded sectors, and leases as claim makes them.
 */

import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { combineInColumns } from "../../dev/objects/combine-in-columns.ts";
import { HEALTHY_SWITCHES } from "../../dev/swarm/host-switches.ts";
import { startSwarm } from "../../dev/swarm/start-swarm.ts";
import { DEFAULT_PRICES, type Swarm, type SwarmHost } from "../../dev/swarm/swarm.ts";
import { encodingMatrix } from "../../lib/erasure/coefficients.ts";
import { createKernel, type Kernel } from "../../lib/kernel/kernel.ts";
import { accountKeyFromSeed } from "../../lib/keys/account-key.ts";
import { slabDigest } from "../../lib/slab/digest.ts";
import type { HostId, LeaseToken, Root } from "../../lib/slab/ids.ts";
import type { LeasedSlab } from "../../lib/slab/leased-slab.ts";
import { shardCipher } from "../../lib/slab/shard-cipher.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { DEFAULT_WORKER_SETTINGS, type WorkerSettings } from "../../lib/worker/worker-settings.ts";
import type { TestDatabase } from "./database.ts";
import {
  placeOn,
  type SeededHost,
  type SeededSlab,
  seedAccount,
  seedHost,
  seedObject,
  seedSlab,
} from "./seed-indexd.ts";

/** When a test changes hosts or contracts, the next repair sees the change at once. */
export const WORLD_SETTINGS: WorkerSettings = { ...DEFAULT_WORKER_SETTINGS, networkMaxAgeMs: 0 };

/** 1 SC: more than any test spends on a host. */
const FUNDS = 10n ** 24n;

export interface WorldHost {
  readonly swarm: SwarmHost;
  readonly row: SeededHost;
}

export interface StoredSlab extends SeededSlab {
  readonly minShards: number;
  /** The host on which each sector was first stored, by index. */
  readonly hosts: readonly WorldHost[];
  readonly slabKey: Buffer;
  /** The plain data shards, for storing another slab that shares some of them. */
  readonly dataShards: readonly Buffer[];
  readonly objectKey: Buffer;
}

export interface SlabCode {
  readonly minShards: number;
  readonly totalShards: number;
  readonly on?: readonly WorldHost[];
  /** Changes the data of a shard before the shard is stored and pinned, so that a wrong shard is pinned. */
  readonly spoil?: (index: number, data: Buffer) => void;
  /** Default: random. Two slabs with the same key share each sector whose index and shard data are equal. */
  readonly slabKey?: Buffer;
  readonly dataShards?: readonly Buffer[];
  readonly columns?: Readonly<Record<string, unknown>>;
}

export interface RepairWorld {
  readonly database: TestDatabase;
  readonly hosts: readonly WorldHost[];
  readonly kernel: Kernel;
  /** All environment variables of the functions. */
  readonly variables: Record<string, string>;
  hostOf(id: HostId | number): WorldHost;
  /** Stores a slab of random data, with its shards on the first hosts or the given ones. */
  storeSlab(code: SlabCode): Promise<StoredSlab>;
  /** Leases a slab as claim does, and returns what the message to the queue would contain. */
  lease(slab: SeededSlab): Promise<LeasedSlab>;
  /** Deletes the sector on its host, and records it as lost as indexd does. */
  loseSector(slab: StoredSlab, index: number): Promise<void>;
  /** The current host of each sector of a slab, by index; undefined if lost. */
  locations(slab: SeededSlab): Promise<(WorldHost | undefined)[]>;
  /** Reads every sector from its recorded host; returns the indices of those without the pinned root. */
  wrongSectors(slab: StoredSlab): Promise<number[]>;
  /** Resets every host: no faults, not blocked, good contracts, original prices and funds, counters at zero. */
  heal(): Promise<void>;
  stop(): Promise<void>;
}

/** All plain shards of a slab: the data shards, then the parity shards. */
function* allShards(kernel: Kernel, dataShards: readonly Buffer[], totalShards: number): Generator<Buffer> {
  yield* dataShards;
  const k = dataShards.length;
  const matrix = encodingMatrix(k, totalShards);
  // Ten parity shards at a time, so that a slab of 255 shards fits into memory.
  for (let first = k; first < totalShards; first += 10) {
    const parity = Array.from({ length: Math.min(10, totalShards - first) }, () =>
      Buffer.alloc(SECTOR_BYTES),
    );
    combineInColumns(kernel, dataShards, parity, matrix.subarray(first * k, (first + parity.length) * k));
    yield* parity;
  }
}

/** Uses the given database, or a new one, which can be made only within vitest. `stop` drops the database. */
export async function createRepairWorld(options: {
  readonly hosts: number;
  readonly database?: TestDatabase;
}): Promise<RepairWorld> {
  // Imported here, because database.ts works only in vitest.
  const database = options.database ?? (await (await import("./database.ts")).createTestDatabase());
  const { sql } = database;
  const folder = await mkdtemp(join(tmpdir(), "slabmend-world-"));
  const seed = randomBytes(32);
  const { account } = accountKeyFromSeed(seed);
  const swarm: Swarm = await startSwarm({
    hostCount: options.hosts,
    dir: join(folder, "hosts"),
    seed: randomUUID(),
  });
  const hosts: WorldHost[] = [];
  for (const host of swarm.hosts) {
    await host.fund(account, FUNDS);
    const row = await seedHost(sql, { hostKey: host.hostKey, addresses: [host.address] });
    hosts.push({ swarm: host, row });
  }
  const accountId = await seedAccount(sql);
  const kernel = createKernel({ memoryBytes: 64 * 1_048_576 });
  const hostOf = (id: HostId | number): WorldHost => {
    const found = hosts.find(({ row }) => row.id === id);
    if (found === undefined) throw new Error(`no host ${id}`);
    return found;
  };
  const locations = async (slab: SeededSlab): Promise<(WorldHost | undefined)[]> => {
    const rows = await sql<{ host_id: number | null }[]>`
      select s.host_id from slab_sectors ss join sectors s on s.id = ss.sector_id
      where ss.slab_id = ${String(slab.id)} order by ss.slab_index`;
    return rows.map(({ host_id }) => (host_id === null ? undefined : hostOf(host_id)));
  };

  return {
    database,
    hosts,
    kernel,
    hostOf,
    locations,
    variables: {
      SLABMEND_DATABASE_URL: database.url,
      SLABMEND_MIGRATION_SEED: seed.toString("hex"),
      // Nothing listens at this address: tests that return messages to a queue make their own queue.
      SLABMEND_QUEUE_URL: "http://127.0.0.1:1/0/none",
      SLABMEND_ALLOW_PRIVATE_ADDRESSES: "true",
      SLABMEND_LOG_LEVEL: "silent",
    },
    async storeSlab(code) {
      const { minShards, totalShards, spoil } = code;
      const on = (code.on ?? hosts).slice(0, totalShards);
      const slabKey = code.slabKey ?? randomBytes(32);
      const dataShards =
        code.dataShards ?? Array.from({ length: minShards }, () => randomBytes(SECTOR_BYTES));
      const roots: Root[] = [];
      for (const shard of allShards(kernel, dataShards, totalShards)) {
        const index = roots.length;
        const data = Buffer.from(shard);
        shardCipher(slabKey, index).apply(data, 0);
        spoil?.(index, data);
        const root = kernel.sectorRoot(data);
        roots.push(root);
        await on[index]!.swarm.putSector(root, data);
      }
      const digest = slabDigest({ version: 1, minShards, encryptionKey: slabKey, roots });
      const seeded = await seedSlab(sql, {
        minShards,
        digest,
        encryptionKey: slabKey,
        sectors: placeOn(on.map(({ row }) => row)).map((sector, index) => ({
          ...sector,
          root: roots[index]!,
        })),
        columns: { version: 1, ...code.columns },
      });
      const { objectKey } = await seedObject(sql, { accountId, slabs: [seeded] });
      return { ...seeded, minShards, hosts: on, slabKey, dataShards, objectKey };
    },
    async lease(slab) {
      const [row] = await sql<{ token: LeaseToken }[]>`
        with held as (
          update slabs set next_repair_attempt = clock_timestamp() + interval '1 hour' where id = ${String(slab.id)}
          returning next_repair_attempt
        )
        insert into slabmend.leases (slab_id, digest, leased_at, held_until, sending_since, sent_at, expires_at, margin)
        select ${String(slab.id)}, ${Buffer.from(slab.digest, "hex")}, clock_timestamp(), next_repair_attempt,
          clock_timestamp(), clock_timestamp(), next_repair_attempt, 0
        from held returning token`;
      return { slabId: slab.id, digest: slab.digest, token: row!.token };
    },
    async loseSector(slab, index) {
      const { id, root } = slab.sectors[index]!;
      await slab.hosts[index]!.swarm.dropSector(root);
      await sql`update sectors set host_id = null, contract_sectors_map_id = null where id = ${String(id)}`;
      for (const [name, delta] of [
        ["num_pinned_sectors", -1],
        ["num_unpinnable_sectors", 1],
      ] as const) {
        await sql`update stats set stat_value = stat_value + ${delta} where stat_name = ${name}`;
      }
    },
    async wrongSectors(slab) {
      const wrong: number[] = [];
      for (const [index, host] of (await locations(slab)).entries()) {
        const bytes = await host?.swarm.readSectorFile(slab.sectors[index]!.root).catch(() => undefined);
        if (bytes === undefined || kernel.sectorRoot(bytes) !== slab.sectors[index]!.root) wrong.push(index);
      }
      return wrong;
    },
    async heal() {
      await sql`delete from hosts_blocklist`;
      await sql`update contracts set good = true, state = 1 where renewed_to is null`;
      // Clears the fleet's host scores, so that an earlier test does not affect the next one.
      await sql`truncate slabmend.host_scores, slabmend.denials`;
      for (const { swarm: host, row } of hosts) {
        await host.setSwitches(HEALTHY_SWITCHES);
        await host.setPrices(DEFAULT_PRICES);
        // Expires price tables that were issued with other prices or another validity.
        await host.expirePrices();
        await host.fund(account, FUNDS);
        await host.resetCounters();
        await sql`update hosts set settings_accepting_contracts = true, settings_remaining_storage = 262144,
          settings_valid_until = now() + interval '30 minutes', last_successful_scan = now() where id = ${row.id}`;
      }
    },
    async stop() {
      await swarm.stop();
      await rm(folder, { recursive: true, force: true });
      await database.drop();
    },
  };
}
