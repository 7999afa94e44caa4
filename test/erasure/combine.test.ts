import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ReedSolomonErasure } from "@subspace/reed-solomon-erasure.wasm";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { encodingMatrix, rebuildCoefficients } from "../../lib/erasure/coefficients.ts";
import { createKernel } from "../../lib/kernel/kernel.ts";
import { hexOf } from "../../lib/slab/ids.ts";
import { seededBytes } from "../kernel/seeded-bytes.ts";
import { multiply, vandermondeMatrix, weightedSum } from "./reference.ts";

const kernel = createKernel({ memoryBytes: 32 * 1024 * 1024 });
const held: Uint8Array[] = [];

function region(contents: Uint8Array): Buffer {
  const allocated = kernel.arena.allocate(contents.length);
  allocated.set(contents);
  held.push(allocated);
  return allocated;
}

afterEach(() => {
  for (const allocated of held.splice(0)) kernel.arena.free(allocated);
});

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe("combine", () => {
  it("combine multiplies every byte by every coefficient", () => {
    const everyByte = region(Uint8Array.from({ length: 256 }, (_, i) => i));
    const product = region(new Uint8Array(256));
    for (let coefficient = 0; coefficient < 256; coefficient++) {
      const coefficients = Uint8Array.of(coefficient);
      kernel.combine({ sources: [everyByte], targets: [product], coefficients, lengthBytes: 256 });
      expect(product.equals(Uint8Array.from({ length: 256 }, (_, byte) => multiply(coefficient, byte)))).toBe(
        true,
      );
    }
  });

  it.each([
    [2, 5, "010207040d"],
    [10, 30, "0102030405060708090a45f212762af2f4e4b883ecf996a0e954062076a9"],
  ])("encodes the vector of %i of %i", (k, n, encoded) => {
    const sources = Array.from({ length: k }, (_, i) => region(Buffer.alloc(64, i + 1)));
    const targets = Array.from({ length: n }, () => region(new Uint8Array(64)));
    kernel.combine({ sources, targets, coefficients: encodingMatrix(k, n), lengthBytes: 64 });
    expect(hexOf(Uint8Array.from(targets, (target) => target[0]!))).toBe(encoded);
    expect(targets.every((target) => target.every((byte) => byte === target[0]))).toBe(true);
  });

  it("for any shape combine computes the slow reference's sums, and changes no bytes outside the targets", () => {
    const shapes = fc.record({
      seed: seeds,
      sourceCount: fc.integer({ min: 1, max: 40 }),
      targetCount: fc.integer({ min: 0, max: 22 }),
      // Lengths at and near multiples of 32, 64 and 4096 bytes, the steps in which the kernel works.
      lengthBytes: fc.constantFrom(0, 64, 128, 192, 4032, 4096, 4160, 8192, 8256),
      // In a repair each region begins at a multiple of 64 bytes within a larger region. Other callers' regions may
      // begin at any byte.
      shift: fc.constantFrom(0, 1, 13, 64),
    });
    fc.assert(
      fc.property(shapes, ({ seed, sourceCount, targetCount, lengthBytes, shift }) => {
        const window = (contents: Uint8Array) => region(contents).subarray(shift);
        const size = shift + lengthBytes + 64;
        const sources = Array.from({ length: sourceCount }, (_, s) => window(seededBytes(seed + s, size)));
        const targets = Array.from({ length: targetCount }, () => window(Buffer.alloc(size, 0xee)));
        const coefficients = seededBytes(seed - 1, sourceCount * targetCount);
        const before = sources.map((source) => Buffer.from(source));
        kernel.combine({ sources, targets, coefficients, lengthBytes });
        sources.forEach((source, s) => {
          expect(source.equals(before[s]!)).toBe(true);
        });
        for (const [t, target] of targets.entries()) {
          for (let at = 0; at < lengthBytes; at += 61) {
            const row = coefficients.subarray(t * sourceCount, (t + 1) * sourceCount);
            expect(target[at]).toBe(
              sources.reduce((sum, source, s) => sum ^ multiply(row[s]!, source[at]!), 0),
            );
          }
          expect(target.subarray(lengthBytes).every((byte) => byte === 0xee)).toBe(true);
        }
        for (const allocated of held.splice(0)) kernel.arena.free(allocated);
      }),
      { numRuns: 60 },
    );
  });

  it("for any code and any k shards, combine rebuilds the same missing shards as the slow reference", () => {
    const codes = fc
      .tuple(seeds, fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 24 }))
      .chain(([seed, k, parity]) => {
        const indices = Array.from({ length: k + parity }, (_, i) => i);
        return fc.record({
          seed: fc.constant(seed),
          k: fc.constant(k),
          n: fc.constant(k + parity),
          available: fc.shuffledSubarray(indices, { minLength: k, maxLength: k }),
        });
      });
    fc.assert(
      fc.property(codes, ({ seed, k, n, available }) => {
        const data = Array.from({ length: k }, (_, i) => seededBytes(seed + i, 64));
        const matrix = vandermondeMatrix(k, n);
        const all = Array.from({ length: n }, (_, i) =>
          weightedSum(data, matrix.subarray(i * k, (i + 1) * k)),
        );
        const targets = [...all.keys()].filter((index) => !available.includes(index));
        const rebuilt = targets.map(() => region(new Uint8Array(64)));
        kernel.combine({
          sources: available.map((index) => region(all[index]!)),
          targets: rebuilt,
          coefficients: rebuildCoefficients({ k, n, available, targets }),
          lengthBytes: 64,
        });
        expect(rebuilt.map(hexOf)).toEqual(targets.map((index) => hexOf(all[index]!)));
        for (const allocated of held.splice(0)) kernel.arena.free(allocated);
      }),
      { numRuns: 40 },
    );
  });

  it("combine encodes like the reed-solomon-erasure package", () => {
    const main = createRequire(import.meta.url).resolve("@subspace/reed-solomon-erasure.wasm");
    const oracle = ReedSolomonErasure.fromBytes(
      readFileSync(join(dirname(main), "reed_solomon_erasure_bg.wasm")),
    );
    const codes = fc.record({
      seed: seeds,
      k: fc.integer({ min: 1, max: 20 }),
      parity: fc.integer({ min: 1, max: 30 }),
    });
    fc.assert(
      fc.property(codes, ({ seed, k, parity }) => {
        const length = 256;
        const shards = Buffer.concat([seededBytes(seed, k * length), Buffer.alloc(parity * length)]);
        const sources = Array.from({ length: k }, (_, i) =>
          region(shards.subarray(i * length, (i + 1) * length)),
        );
        const targets = Array.from({ length: parity }, () => region(new Uint8Array(length)));
        expect(oracle.encode(shards, k, parity)).toBe(ReedSolomonErasure.RESULT_OK);
        const coefficients = encodingMatrix(k, k + parity).subarray(k * k);
        kernel.combine({ sources, targets, coefficients, lengthBytes: length });
        expect(Buffer.concat(targets).equals(shards.subarray(k * length))).toBe(true);
        for (const allocated of held.splice(0)) kernel.arena.free(allocated);
      }),
      { numRuns: 30 },
    );
  });

  it("combine computes 256 targets from 256 sources", () => {
    const sources = Array.from({ length: 256 }, (_, s) => region(seededBytes(s, 64)));
    const targets = Array.from({ length: 256 }, () => region(new Uint8Array(64)));
    const coefficients = seededBytes(1000, 256 * 256);
    kernel.combine({ sources, targets, coefficients, lengthBytes: 64 });
    for (const t of [0, 63, 64, 255]) {
      const row = coefficients.subarray(t * 256);
      expect(targets[t]![63]).toBe(
        sources.reduce((sum, source, s) => sum ^ multiply(row[s]!, source[63]!), 0),
      );
    }
  });

  it("combine refuses invalid input without printing its bytes", () => {
    const inside = region(new Uint8Array(128));
    const other = region(new Uint8Array(128));
    const one = Uint8Array.of(1);
    const refusals = [
      { sources: [], targets: [other], coefficients: new Uint8Array(0), lengthBytes: 64 },
      {
        sources: Array(257).fill(inside),
        targets: [other],
        coefficients: new Uint8Array(257),
        lengthBytes: 64,
      },
      { sources: [inside], targets: [other], coefficients: new Uint8Array(2), lengthBytes: 64 },
      { sources: [inside], targets: [other], coefficients: one, lengthBytes: 32 },
      { sources: [inside], targets: [other], coefficients: one, lengthBytes: -64 },
      { sources: [inside], targets: [other], coefficients: one, lengthBytes: Number.NaN },
      { sources: [inside], targets: [other], coefficients: one, lengthBytes: 192 },
      { sources: [inside], targets: [inside.subarray(64)], coefficients: one, lengthBytes: 64, fits: true },
      { sources: [inside], targets: [inside], coefficients: one, lengthBytes: 64 },
      { sources: [inside], targets: [other, other], coefficients: Uint8Array.of(1, 1), lengthBytes: 64 },
    ];
    for (const { fits = false, ...refused } of refusals) {
      const combine = () => kernel.combine(refused);
      if (fits) expect(combine).not.toThrow();
      else expect(combine).toThrow(expect.objectContaining({ code: "bad-argument" }));
    }
    expect(() =>
      kernel.combine({ sources: [Buffer.alloc(64)], targets: [other], coefficients: one, lengthBytes: 64 }),
    ).toThrow(expect.objectContaining({ code: "not-in-arena" }));
  });
});
