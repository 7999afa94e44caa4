import { xchacha20 } from "@noble/ciphers/chacha.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hexOf } from "../../lib/slab/ids.ts";
import { shardCipher } from "../../lib/slab/shard-cipher.ts";
import { STREAM_BYTES, xchacha20Stream } from "../../lib/slab/xchacha20-stream.ts";
import { seededBytes } from "../kernel/seeded-bytes.ts";

const key = Buffer.alloc(32, 1);

function applied(index: number, bytes: number[], offset = 0): string {
  const data = Uint8Array.from(bytes);
  shardCipher(key, index).apply(data, offset);
  return hexOf(data);
}

const zeros32 = Array<number>(32).fill(0);

describe("shard cipher", () => {
  it.each([
    ["shard 0", 0, [1, 2, 3], 0, "889abc"],
    ["shard 1", 1, [4, 5, 6], 0, "46d8b4"],
    ["shard 29", 29, zeros32, 0, "64771c92df80977c57da25c13f85a77763307045095172b1f0b483b443ab4954"],
    [
      "shard 29 at 1 MiB",
      29,
      zeros32,
      1 << 20,
      "af29c7399ec16f178ff2abc1eca7d7c0fede06d9aa5a701f6ca3d01797d36d90",
    ],
  ])("matches the vector of %s", (_name, index, bytes, offset, expected) => {
    expect(applied(index, bytes, offset)).toBe(expected);
  });

  it("equals noble for any key, shard, offset and length, and restores the data when applied twice", () => {
    const cases = fc.record({
      seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      index: fc.nat({ max: 255 }),
      offset: fc.nat({ max: 200_000 }),
      length: fc.nat({ max: 150_000 }),
    });
    fc.assert(
      fc.property(cases, ({ seed, index, offset, length }) => {
        const slabKey = seededBytes(seed, 32);
        const plain = seededBytes(seed + 1, length);
        const nonce = new Uint8Array(24);
        nonce[0] = index;
        const stream = xchacha20(slabKey, nonce, new Uint8Array(offset + length)).subarray(offset);
        const data = Buffer.from(plain);
        const cipher = shardCipher(slabKey, index);
        cipher.apply(data, offset);
        expect(data.equals(plain.map((byte, i) => byte ^ stream[i]!))).toBe(true);
        cipher.apply(data, offset);
        expect(data.equals(plain)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});

describe("XChaCha20 stream", () => {
  it("equals noble for any nonce", () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(bytes(32), bytes(24), (anyKey, nonce) => {
        const data = Buffer.alloc(64);
        xchacha20Stream(anyKey, nonce).apply(data, 0);
        expect(hexOf(data)).toBe(hexOf(xchacha20(anyKey, nonce, new Uint8Array(64))));
      }),
    );
  });

  it("the XChaCha20 stream works up to its last block", () => {
    const nonce = new Uint8Array(24);
    const data = Buffer.alloc(64);
    xchacha20Stream(key, nonce).apply(data, STREAM_BYTES - 64);
    expect(hexOf(data)).toBe(hexOf(xchacha20(key, nonce, new Uint8Array(64), undefined, 2 ** 32 - 2)));
  });
});
