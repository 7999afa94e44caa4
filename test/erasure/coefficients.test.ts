import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodingMatrix, rebuildCoefficients } from "../../lib/erasure/coefficients.ts";
import { hexOf } from "../../lib/slab/ids.ts";
import { matrixCoefficients, multiply, vandermondeMatrix } from "./reference.ts";

/** Random codes of k data shards and n shards in all, with k different available shards and up to 8 targets. */
const requests = fc
  .tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 60 }))
  .chain(([k, parity]) => {
    const indices = Array.from({ length: k + parity }, (_, i) => i);
    return fc.record({
      k: fc.constant(k),
      n: fc.constant(k + parity),
      available: fc.shuffledSubarray(indices, { minLength: k, maxLength: k }),
      targets: fc.shuffledSubarray(indices, { maxLength: Math.min(8, k + parity) }),
    });
  });

describe("encoding matrix", () => {
  it("the encoding matrix of 10-of-30 matches the test vectors", () => {
    const matrix = encodingMatrix(10, 30);
    expect(hexOf(matrix.subarray(100, 110))).toBe("8196afb8d2c4fee80302");
    expect(hexOf(matrix.subarray(290, 300))).toBe("c731a7b01819d63d8882");
    expect(createHash("sha256").update(matrix).digest("hex")).toBe(
      "98a1f43244c7d27345311fbfb7b6fa684302785e6a151fe65348f241394c7078",
    );
  });

  it.each([
    [1, 3],
    [4, 9],
    [10, 30],
    [20, 100],
  ])("of %i of %i is a Vandermonde matrix times the inverse of its top", (k, n) => {
    expect([...encodingMatrix(k, n)]).toEqual([...vandermondeMatrix(k, n)]);
  });

  it.each([
    [2, 5, [1, 2], "010207040d"],
    [10, 30, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "0102030405060708090a45f212762af2f4e4b883ecf996a0e954062076a9"],
  ])("encodes the vector of %i of %i", (k, n, data, encoded) => {
    const matrix = encodingMatrix(k, n);
    const row = (r: number) => data.reduce((sum, byte, s) => sum ^ multiply(matrix[r * k + s]!, byte), 0);
    expect(hexOf(Uint8Array.from({ length: n }, (_, r) => row(r)))).toBe(encoded);
  });

  it.each([
    [0, 1],
    [2, 1],
    [1, 257],
    [1.5, 3],
    [1, Number.NaN],
  ])("refuses %d of %d", (k, n) => {
    expect(() => encodingMatrix(k, n)).toThrow(expect.objectContaining({ code: "bad-argument" }));
  });
});

describe("rebuild coefficients", () => {
  it.each([
    [3, [10, 11, 12, 13, 14, 15, 16, 17, 18, 19], "723bd8cc42c3c43d7a5e"],
    [1, [0, 2, 5, 7, 11, 13, 17, 19, 23, 29], "b21fbac190cc60c7dcf0"],
  ])("of shard %i matches the vector", (target, available, coefficients) => {
    expect(hexOf(rebuildCoefficients({ k: 10, n: 30, available, targets: [target] }))).toBe(coefficients);
  });

  it("rebuild coefficients equal those of the matrix reference for any code, sources and targets", () => {
    fc.assert(
      fc.property(requests, (request) => {
        expect([...rebuildCoefficients(request)]).toEqual([...matrixCoefficients(request)]);
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    [1, 1],
    [1, 256],
    [85, 255],
    [128, 256],
    [255, 256],
    [256, 256],
  ])("give back the data of %i of %i", (k, n) => {
    const available = Array.from({ length: k }, (_, i) => n - k + i);
    const matrix = encodingMatrix(k, n);
    // Each data shard is a single byte: its own index modulo 256. The first and the last data shard are rebuilt from
    // the last k of the n shards.
    const encoded = available.map((row) =>
      Array.from({ length: k }, (_, s) => multiply(matrix[row * k + s]!, s & 255)).reduce((a, b) => a ^ b),
    );
    const coefficients = rebuildCoefficients({ k, n, available, targets: [0, k - 1] });
    const rebuilt = (row: number) =>
      encoded.reduce((sum, byte, i) => sum ^ multiply(coefficients[row * k + i]!, byte), 0);
    expect([rebuilt(0), rebuilt(1)]).toEqual([0, (k - 1) & 255]);
  });

  it.each([
    ["too few shards", { k: 2, n: 4, available: [1], targets: [0] }],
    ["too many shards", { k: 2, n: 4, available: [1, 2, 3], targets: [0] }],
    ["one shard twice", { k: 2, n: 4, available: [1, 1], targets: [0] }],
    ["a shard beyond the code", { k: 2, n: 4, available: [1, 4], targets: [0] }],
    ["a target beyond the code", { k: 2, n: 4, available: [1, 2], targets: [-1] }],
  ])("refuse %s", (_name, request) => {
    expect(() => rebuildCoefficients(request)).toThrow(expect.objectContaining({ code: "bad-argument" }));
  });
});
