import type { ISql } from "postgres";
import type { Kernel } from "../../lib/kernel/kernel.ts";
import { slabDigest } from "../../lib/slab/digest.ts";
import type { Root, SlabDigest, SlabId } from "../../lib/slab/ids.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { placeOn, seedAccount, seedObject, seedSlab } from "../indexd/seed-indexd.ts";
import { dataKeyStream } from "../objects/data-key-stream.ts";
import { encodeSlab } from "../objects/encode-slab.ts";
import type { DemoOptions } from "./demo-options.ts";
import {
  type ObjectPart,
  objectCipherOf,
  type PlannedObject,
  plainBytesOf,
  slabKeyOf,
} from "./plan-objects.ts";
import type { DemoHost } from "./register-hosts.ts";

/** Maximum number of sectors that are being stored on hosts while the next ones are computed. */
const PUTS_AT_ONCE = 6;
/** Free space in every contract, for the sectors that repairs move there. */
const SPARE_CAPACITY_BYTES = 4_294_967_296;

export interface StoredSlab {
  readonly id: SlabId;
  readonly digest: SlabDigest;
  /** By index. */
  readonly roots: readonly Root[];
}

export interface StoreObjectsOptions {
  readonly sql: ISql;
  readonly kernel: Kernel;
  readonly hosts: readonly DemoHost[];
  readonly options: Pick<DemoOptions, "seed" | "minShards" | "totalShards">;
  readonly objects: readonly PlannedObject[];
  /** For each slab, the host number of each sector. */
  readonly placement: readonly (readonly number[])[];
  readonly onStored: (sectors: number) => void;
  readonly signal: AbortSignal;
}

/** Encodes the objects, stores their sectors on hosts, and records everything as indexd does for pinned slabs. */
export async function storeObjects(request: StoreObjectsOptions): Promise<StoredSlab[]> {
  const { sql, objects, hosts, placement } = request;
  const slabs: StoredSlab[] = [];
  for (const [slab, hostNumbers] of placement.entries()) {
    slabs.push(
      await storeSlab(
        slab,
        hostNumbers.map((number) => hosts[number]!),
        request,
      ),
    );
  }
  await countContractSizes(sql);
  const accountIds = [await seedAccount(sql), await seedAccount(sql)];
  for (const { number, parts } of objects) {
    await seedObject(sql, {
      accountId: accountIds[number % accountIds.length]!,
      slabs: parts.map(({ slab, slabOffset, length }) => ({
        ...slabs[slab]!,
        part: { offset: slabOffset, length },
      })),
    });
  }
  return slabs;
}

async function storeSlab(
  slab: number,
  hosts: readonly DemoHost[],
  { sql, kernel, options, objects, onStored, signal }: StoreObjectsOptions,
): Promise<StoredSlab> {
  const { seed, minShards, totalShards } = options;
  const slabKey = slabKeyOf(seed, slab);
  const content = contentOf(slab, seed, objects);
  const roots: Root[] = [];
  const underWay = new Set<Promise<void>>();
  const encoding = { minShards, totalShards, slabKey, objectCipher: content.cipher };
  try {
    for (const { index, root, data } of encodeSlab(kernel, encoding, content.bytes)) {
      signal.throwIfAborted();
      roots.push(root);
      while (underWay.size >= PUTS_AT_ONCE) await Promise.race(underWay);
      // The host computes the data's root itself, and refuses the data if `root` differs from it.
      const put = hosts[index]!.swarm.putSector(root, data).then(() => {
        underWay.delete(put);
        onStored(1);
      });
      // The promise is awaited later, together with the others; until then a rejection must not count as unhandled.
      put.catch(() => {});
      underWay.add(put);
    }
    await Promise.all(underWay);
  } finally {
    await Promise.allSettled(underWay);
  }
  const { version } = content;
  const digest = slabDigest({ version, minShards, encryptionKey: slabKey, roots });
  const { id } = await seedSlab(sql, {
    minShards,
    digest,
    encryptionKey: slabKey,
    columns: { version },
    sectors: placeOn(hosts.map(({ row }) => row)).map((place, index) => ({ ...place, root: roots[index]! })),
  });
  return { id, digest, roots };
}

/** The arguments for `encodeSlab`, which encrypts the bytes with one object's key: that of the slab's first object. */
function contentOf(slab: number, seed: string, objects: readonly PlannedObject[]) {
  const [first, second] = partsIn(slab, objects);
  const cipher = objectCipherOf(seed, first!.object, first!.part);
  const bytes = [plainBytesOf(seed, first!.object, first!.part)];
  if (second !== undefined) {
    // The second object has its own key stream, but encodeSlab applies the first object's stream to the whole slab.
    // So the first object's stream is also applied here: the two applications cancel each other.
    const { slabOffset } = second.part;
    const shared = plainBytesOf(seed, second.object, second.part);
    dataKeyStream(objectCipherOf(seed, second.object, second.part)).apply(shared, slabOffset);
    dataKeyStream(cipher).apply(shared, slabOffset);
    bytes.push(shared);
  }
  return { version: first!.object.version, cipher, bytes: Buffer.concat(bytes) };
}

/** The parts of objects that lie in a slab, in the order of their offsets. */
function partsIn(
  slab: number,
  objects: readonly PlannedObject[],
): { readonly object: PlannedObject; readonly part: ObjectPart }[] {
  return objects.flatMap((object) =>
    object.parts.filter((part) => part.slab === slab).map((part) => ({ object, part })),
  );
}

/** Updates the contracts for the appended sectors. */
async function countContractSizes(sql: ISql): Promise<void> {
  await sql`
    update contracts c set size = n.sectors * ${SECTOR_BYTES}::bigint,
      capacity = n.sectors * ${SECTOR_BYTES}::bigint + ${SPARE_CAPACITY_BYTES}::bigint
    from (
      select m.contract_id, count(s.id) as sectors
      from contract_sectors_map m left join sectors s on s.contract_sectors_map_id = m.id group by m.contract_id
    ) n where n.contract_id = c.contract_id`;
}
