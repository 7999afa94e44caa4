import type { ISql } from "postgres";
import { systemClock } from "../../lib/clock/clock.ts";
import { type NetworkHost, readNetworkSnapshot } from "../../lib/database/indexd/network-snapshot.ts";
import { readSlabByDigest } from "../../lib/database/indexd/read-slab.ts";
import { createHostDialer } from "../../lib/hosts/dial-host.ts";
import { createHostPool, type HostPool } from "../../lib/hosts/host-pool.ts";
import { rangeRead } from "../../lib/hosts/paid-rpc.ts";
import type { Kernel } from "../../lib/kernel/kernel.ts";
import { accountKeyFromSeed } from "../../lib/keys/account-key.ts";
import { hexOf, parseSlabDigest, type Root } from "../../lib/slab/ids.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import type { Slab, SlabSector } from "../../lib/slab/slab.ts";
import { decodeSlab, type FetchedSector } from "../objects/decode-slab.ts";
import { objectCipherOf, type PlannedObject, plainBytesOf } from "./plan-objects.ts";
import { type DemoHost, FUNDING_TARGET_HASTINGS } from "./register-hosts.ts";
import { seededBytes } from "./seeded-random.ts";

/** Maximum number of simultaneous reads; each has a buffer of 4 MiB. */
const READS_AT_ONCE = 6;

export interface ReadBackOptions {
  readonly sql: ISql;
  readonly kernel: Kernel;
  readonly hosts: readonly DemoHost[];
  readonly seed: string;
  readonly objects: readonly PlannedObject[];
  /** Moved sectors are read first, to verify the repairs. */
  readonly moved: ReadonlySet<Root>;
  readonly onRead: (sectors: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Reads every object from the hosts as its owner would: the database says where the sectors are, and a separate account
 * pays for the reads. Each sector is checked against its root; the objects are then decoded, decrypted and compared
 * with the data that was stored.
 * @returns the objects that were not read back as stored: the reason by the object's number
 */
export async function readBack(options: ReadBackOptions): Promise<ReadonlyMap<number, string>> {
  const { sql, seed, hosts, objects, signal } = options;
  const account = accountKeyFromSeed(seededBytes(seed, "reader's account", 32));
  for (const { swarm } of hosts) await swarm.fund(account.account, FUNDING_TARGET_HASTINGS);
  const fleet = await readNetworkSnapshot(sql, { minHostDistanceKm: 0 });
  const pool = createHostPool({
    clock: systemClock,
    account,
    dialer: createHostDialer({ clock: systemClock, allowPrivateAddresses: true }),
  });
  const unreadable = new Map<number, string>();
  try {
    for (const [digest, parts] of await readParts(sql)) {
      signal.throwIfAborted();
      const slab = await readSlabByDigest(sql, parseSlabDigest(digest));
      if (slab === undefined) throw new Error("an object refers to a missing slab");
      const sectors = await fetchSectors(slab, fleet.hosts, pool, options);
      for (const { number, index, offset, length } of parts) {
        const why = comparePart(slab, sectors, objects[number]!, { index, offset, length }, options);
        if (why !== undefined) unreadable.set(number, why);
      }
    }
  } finally {
    await pool.close();
  }
  return unreadable;
}

interface RecordedPart {
  readonly number: number;
  readonly index: number;
  readonly offset: number;
  readonly length: number;
}

/**
 * The parts of objects that the database records, by the digest of their slab. Objects are numbered in the order in
 * which they were stored.
 */
async function readParts(sql: ISql): Promise<Map<string, RecordedPart[]>> {
  const rows = await sql<({ digest: Uint8Array } & RecordedPart)[]>`
    select o.number, os.slab_digest as digest, os.slab_index as index, os.slab_offset as offset,
      os.slab_length as length
    from (select id, (row_number() over (order by id) - 1)::integer as number from objects) o
    join object_slabs os on os.object_id = o.id
    order by o.number, os.slab_index`;
  return Map.groupBy(rows, ({ digest }) => hexOf(digest));
}

/** Reads as many of the slab's sectors as decoding needs, moved sectors first. Hosts that fail or lie are skipped. */
async function fetchSectors(
  slab: Slab,
  hosts: ReadonlyMap<number, NetworkHost>,
  pool: HostPool,
  { kernel, moved, onRead, signal }: ReadBackOptions,
): Promise<FetchedSector[]> {
  const sectors: FetchedSector[] = [];
  const read = async (sector: SlabSector): Promise<void> => {
    const host = sector.hostId === null ? undefined : hosts.get(sector.hostId);
    const data = Buffer.allocUnsafe(SECTOR_BYTES);
    const right =
      host !== undefined &&
      (await pool.call(host, rangeRead({ root: sector.root, offset: 0, into: data }), { signal }).then(
        () => kernel.sectorRoot(data) === sector.root,
        () => false,
      ));
    signal.throwIfAborted();
    if (right) sectors.push({ index: sector.index, data });
    onRead(1);
  };
  const queue = slab.sectors.toSorted((a, b) => Number(moved.has(b.root)) - Number(moved.has(a.root)));
  const reader = async (): Promise<void> => {
    while (queue.length > 0 && sectors.length < slab.minShards) await read(queue.shift()!);
  };
  await Promise.all(Array.from({ length: READS_AT_ONCE }, reader));
  return sectors;
}

/** @returns what is wrong with this part; undefined if it equals the stored data */
function comparePart(
  slab: Slab,
  sectors: readonly FetchedSector[],
  object: PlannedObject,
  recorded: Omit<RecordedPart, "number">,
  { kernel, seed }: ReadBackOptions,
): string | undefined {
  if (sectors.length < slab.minShards) {
    return `slab ${slab.id}: ${sectors.length} of ${slab.minShards} sectors could be read`;
  }
  const part = object.parts[recorded.index]!;
  const { offset, length } = recorded;
  const encoding = {
    minShards: slab.minShards,
    totalShards: slab.sectors.length,
    slabKey: slab.encryptionKey,
    objectCipher: objectCipherOf(seed, object, part),
  };
  const bytes = decodeSlab(kernel, encoding, sectors, offset + length).subarray(offset);
  return bytes.equals(plainBytesOf(seed, object, part)) ? undefined : `slab ${slab.id}: the bytes differ`;
}
