import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import type { ObjectCipher } from "../objects/data-key-stream.ts";
import type { DemoOptions } from "./demo-options.ts";
import { seededBytes, seededRandom } from "./seeded-random.ts";

/** The part of an object that lies in one slab; offsets and length in bytes. */
export interface ObjectPart {
  /** Number of the slab, from 0. */
  readonly slab: number;
  readonly slabOffset: number;
  readonly objectOffset: number;
  readonly length: number;
}

export interface PlannedObject {
  /** The object's number, from 0. The object's keys and bytes are derived from this number and the seed. */
  readonly number: number;
  readonly version: 0 | 1;
  readonly parts: readonly ObjectPart[];
}

/**
 * How many slabs each object fills, in the order of the objects; after the last entry the pattern starts again.
 * "shared" is one slab with two objects, as from packed uploads.
 */
const PATTERN = [2, "shared", 3, 1, 1] as const;

/** The objects that fill the slabs. Each slab has one object or two; an object's last slab is not full. */
export function planObjects(options: Pick<DemoOptions, "slabs" | "minShards" | "seed">): PlannedObject[] {
  const random = seededRandom(options.seed, "objects");
  const slabBytes = options.minShards * SECTOR_BYTES;
  const some = (): number => Math.ceil(slabBytes * (0.5 + random() / 2));
  const objects: PlannedObject[] = [];
  for (let slab = 0, turn = 0; slab < options.slabs; turn++) {
    const kind = PATTERN[turn % PATTERN.length]!;
    if (kind === "shared") {
      const cut = Math.floor(slabBytes * (0.25 + random() / 2));
      for (const [slabOffset, end] of [
        [0, cut],
        [cut, slabBytes - 1],
      ] as const) {
        const part = { slab, slabOffset, objectOffset: 0, length: end - slabOffset };
        objects.push({ number: objects.length, version: 1, parts: [part] });
      }
      slab += 1;
      continue;
    }
    const count = Math.min(kind, options.slabs - slab);
    const parts = Array.from({ length: count }, (_, n) => ({
      slab: slab + n,
      slabOffset: 0,
      objectOffset: n * slabBytes,
      length: n === count - 1 ? some() : slabBytes,
    }));
    objects.push({ number: objects.length, version: objects.length % 2 === 0 ? 1 : 0, parts });
    slab += count;
  }
  return objects;
}

export function slabKeyOf(seed: string, slab: number): Buffer {
  return seededBytes(seed, `slab key ${slab}`, 32);
}

/** The plain bytes of an object's part, generated on demand and never kept. */
export function plainBytesOf(seed: string, object: PlannedObject, part: ObjectPart): Buffer {
  return seededBytes(seed, `object ${object.number} from ${part.objectOffset}`, part.length);
}

/**
 * The cipher of the object's bytes in one slab. In version 1 offsets count from the slab's first byte, in version 0
 * from the object's first byte.
 */
export function objectCipherOf(seed: string, object: PlannedObject, part: ObjectPart): ObjectCipher {
  const dataKey = seededBytes(seed, `object key ${object.number}`, 32);
  if (object.version === 0) return { version: 0, dataKey, objectOffset: part.objectOffset };
  return { version: 1, dataKey, slabKey: slabKeyOf(seed, part.slab), slabOffset: 0 };
}
