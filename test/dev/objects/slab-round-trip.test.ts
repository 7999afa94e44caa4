import { xchacha20 } from "@noble/ciphers/chacha.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dataKeyStream, type ObjectCipher } from "../../../dev/objects/data-key-stream.ts";
import { decodeSlab } from "../../../dev/objects/decode-slab.ts";
import { encodeSlab } from "../../../dev/objects/encode-slab.ts";
import { stripe, unstripe } from "../../../dev/objects/stripe.ts";
import { createKernel } from "../../../lib/kernel/kernel.ts";
import { SECTOR_BYTES } from "../../../lib/slab/sizes.ts";
import { STREAM_BYTES } from "../../../lib/slab/xchacha20-stream.ts";
import { seededBytes } from "../../kernel/seeded-bytes.ts";

const kernel = createKernel({ memoryBytes: 32 * 1024 * 1024 });

describe("slab of an object", () => {
  it("a slab can be decoded from any minShards of its sectors", () => {
    const cases = fc
      .tuple(
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat({ max: 4 }),
        fc.constantFrom(0, 1),
        fc.nat({ max: 1000 }),
      )
      .chain(([seed, minShards, parity, version, short]) =>
        fc.record({
          seed: fc.constant(seed),
          minShards: fc.constant(minShards),
          totalShards: fc.constant(minShards + parity),
          version: fc.constant(version),
          short: fc.constant(short),
          chosen: fc.shuffledSubarray([...Array(minShards + parity).keys()], {
            minLength: minShards,
            maxLength: minShards,
          }),
        }),
      );
    fc.assert(
      fc.property(cases, ({ seed, minShards, totalShards, version, short, chosen }) => {
        const slabKey = seededBytes(seed, 32);
        const dataKey = seededBytes(seed + 1, 32);
        const objectCipher: ObjectCipher =
          version === 0
            ? { version, dataKey, objectOffset: seed }
            : { version: 1, dataKey, slabKey, slabOffset: 0 };
        const encoding = { minShards, totalShards, slabKey, objectCipher };
        const part = seededBytes(seed + 2, minShards * SECTOR_BYTES - short);
        const sectors = [...encodeSlab(kernel, encoding, part)];
        expect(sectors.map(({ index }) => index)).toEqual([...Array(totalShards).keys()]);
        expect(sectors.every(({ root, data }) => kernel.sectorRoot(data) === root)).toBe(true);
        const fetched = chosen.map((index) => sectors[index]!);
        expect(decodeSlab(kernel, encoding, fetched, part.length).equals(part)).toBe(true);
        expect(kernel.arena.usedBytes).toBe(0);
      }),
      { numRuns: 6 },
    );
  });

  it("a slab is distributed to the data shards 64 bytes at a time", () => {
    const shards = [Buffer.alloc(128), Buffer.alloc(128)];
    const data = Buffer.concat([
      Buffer.alloc(64, 1),
      Buffer.alloc(64, 2),
      Buffer.alloc(64, 3),
      Buffer.alloc(7, 4),
    ]);
    stripe(data, shards);
    expect([
      shards[0]![0],
      shards[1]![0],
      shards[0]![64],
      shards[1]![64],
      shards[1]![70],
      shards[1]![71],
    ]).toEqual([1, 2, 3, 4, 4, 0]);
    const back = Buffer.alloc(data.length);
    unstripe(shards, back);
    expect(back.equals(data)).toBe(true);
  });
});

describe("data-key stream", () => {
  const dataKey = Buffer.alloc(32, 5);
  const slabKey = Buffer.alloc(32).map((_, i) => i);

  it("the stream of version 0 starts at the object's offset, and takes a new nonce if the counter overflows", () => {
    const data = Buffer.alloc(200);
    dataKeyStream({ version: 0, dataKey, objectOffset: STREAM_BYTES - 64 }).apply(data, 0);
    const first = xchacha20(dataKey, new Uint8Array(24), new Uint8Array(64), undefined, 2 ** 32 - 2);
    const nonce = new Uint8Array(24);
    nonce[16] = 1;
    expect(data.equals(Buffer.concat([first, xchacha20(dataKey, nonce, new Uint8Array(136))]))).toBe(true);
  });

  it("the stream of version 1 takes the slab key's first 24 bytes as nonce and counts from the slab's start", () => {
    const data = Buffer.alloc(100);
    dataKeyStream({ version: 1, dataKey, slabKey, slabOffset: 33 }).apply(data, 10);
    expect(data.equals(xchacha20(dataKey, slabKey.subarray(0, 24), new Uint8Array(143)).subarray(43))).toBe(
      true,
    );
  });
});
