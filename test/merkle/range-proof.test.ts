import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createKernel } from "../../lib/kernel/kernel.ts";
import { rangeProofLength } from "../../lib/merkle/range-proof.ts";
import { hexOf } from "../../lib/slab/ids.ts";
import { LEAF_BYTES, LEAVES_PER_SECTOR, SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { rangeProof } from "./reference.ts";

const kernel = createKernel({ memoryBytes: 16 * 1024 * 1024 });
const sector = Buffer.alloc(SECTOR_BYTES).map((_, i) => i % 251);
const root = kernel.sectorRoot(sector);

const proofOf = (start: number, end: number) =>
  kernel.buildRangeProof(sector, start * LEAF_BYTES, (end - start) * LEAF_BYTES);

function verify(
  start: number,
  end: number,
  change: { data?: Uint8Array; proof?: Uint8Array[] } = {},
): boolean {
  const offset = start * LEAF_BYTES;
  const length = (end - start) * LEAF_BYTES;
  const data = change.data ?? sector.subarray(offset, offset + length);
  return kernel.verifyRangeProof({ root, offset, length, data, proof: change.proof ?? proofOf(start, end) });
}

/** Ranges of any size: short ones, long ones, and those that touch an end. */
const ranges = fc
  .tuple(
    fc.nat({ max: LEAVES_PER_SECTOR - 1 }),
    fc.integer({ min: 0, max: 16 }),
    fc.nat({ max: LEAVES_PER_SECTOR }),
  )
  .map(([start, height, extra]) => ({
    start,
    end: Math.min(LEAVES_PER_SECTOR, start + 1 + (extra % 2 ** height)),
  }));

/** The number of hashes in a proof, counted with popcounts as in the specification. */
function specifiedLength(start: number, end: number): number {
  const ones = (value: number) => value.toString(2).replaceAll("0", "").length;
  const last = LEAVES_PER_SECTOR - 1;
  const mask = 2 ** ((end - 1) ^ last ? Math.floor(Math.log2((end - 1) ^ last)) + 1 : 0) - 1;
  return ones(start) + ones(~(end - 1) & mask);
}

describe("range proof", () => {
  it("the proof of the first leaf of a zero sector is the list of zero-subtree roots, the lowest one first", () => {
    const zeros = Buffer.alloc(SECTOR_BYTES);
    const proof = kernel.buildRangeProof(zeros, 0, LEAF_BYTES).map(hexOf);
    expect(proof).toEqual(
      Array.from({ length: 16 }, (_, height) =>
        hexOf(kernel.subtreeRoot(zeros.subarray(0, LEAF_BYTES * 2 ** height))),
      ),
    );
    expect(proof[0]).toBe("d34e94d74d0cb9665a8bc42e8954f50606ba7be3daec7f5bdf1a35e291941770");
    expect(proof[15]).toBe("f2c4d3e9ce380389b1088d44ddb30276fbff5f75803c2bd13678b690f4187d7e");
  });

  const LAST = "614116d5fb1a93911c35a256c60b8931c13eaed8cc6c62a8402bdf4655eb675c";
  it.each([
    {
      start: 0,
      end: 1,
      count: 16,
      first: [
        "97e888b10a749016f36e98cab8ebb8306b0ca0a3a4b78221f24839d7d4e2ecd3",
        "d40239cd43ababd38d39b5b69d1f2c66c5db004586ed353a8a616fb2ff73f1c9",
      ],
    },
    {
      start: 3,
      end: 5,
      count: 17,
      first: [
        "4c4eb6762fac662b259e12798162aa15d88bf32b897a2ec195f902b2a58491ec",
        "827635716684d2b086b0ae88ce463df1f6fc19ea8863aed9ce206d791ec19cf9",
      ],
    },
    {
      start: 16384,
      end: 32768,
      count: 2,
      first: ["a93c37d70d679c4fa8afb50fa4ed5f391ad46bf86fe092d630c767ba8b82167f", LAST],
    },
  ])("of leaves $start to $end matches the vector", ({ start, end, count, first }) => {
    const proof = proofOf(start, end).map(hexOf);
    expect(proof.length).toBe(count);
    expect(proof.slice(0, 2)).toEqual(first);
    expect(proof.at(-1)).toBe(LAST);
    expect(verify(start, end)).toBe(true);
  });

  it("the proof of a whole sector is empty", () => {
    expect(proofOf(0, LEAVES_PER_SECTOR)).toEqual([]);
    expect(verify(0, LEAVES_PER_SECTOR)).toBe(true);
  });

  it("a proof has the specification's number of hashes", () => {
    fc.assert(
      fc.property(ranges, ({ start, end }) => {
        expect(rangeProofLength({ start, end })).toBe(specifiedLength(start, end));
      }),
      { numRuns: 1000 },
    );
  });

  it("a proof verifies for every range, and fails for any changed bit", () => {
    fc.assert(
      fc.property(ranges, fc.nat(), fc.nat({ max: 7 }), ({ start, end }, at, bit) => {
        const proof = proofOf(start, end);
        expect(verify(start, end, { proof })).toBe(true);
        const data = Buffer.from(sector.subarray(start * LEAF_BYTES, end * LEAF_BYTES));
        data[at % data.length]! ^= 1 << bit;
        expect(verify(start, end, { data, proof })).toBe(false);
        if (proof.length === 0) return;
        const changed = proof.map((hash) => hash.slice());
        changed[at % proof.length]![at % 32]! ^= 1 << bit;
        expect(verify(start, end, { proof: changed })).toBe(false);
      }),
      { numRuns: 25 },
    );
  });

  it("a proof equals the slow reference", () => {
    for (const [start, end] of [
      [0, 3],
      [40_000, 65_001],
    ] as const) {
      expect(proofOf(start, end).map(hexOf)).toEqual(rangeProof(sector, start, end).map(hexOf));
    }
  });

  it("a proof is refused when hashes are missing, added, reordered or of another size", () => {
    const proof = proofOf(3, 5);
    expect(verify(3, 5, { proof: proof.slice(1) })).toBe(false);
    expect(verify(3, 5, { proof: proof.slice(0, -1) })).toBe(false);
    expect(verify(3, 5, { proof: [...proof, proof[0]!] })).toBe(false);
    expect(verify(3, 5, { proof: [proof[1]!, proof[0]!, ...proof.slice(2)] })).toBe(false);
    expect(verify(3, 5, { proof: [proof[0]!.subarray(0, 31), ...proof.slice(1)] })).toBe(false);
    expect(verify(3, 5, { proof: [Buffer.alloc(64), ...proof.slice(1)] })).toBe(false);
  });

  it("a proof is refused for data of a different length or range", () => {
    expect(verify(3, 5, { data: sector.subarray(0, 64) })).toBe(false);
    expect(verify(3, 5, { data: sector.subarray(0, 192) })).toBe(false);
    expect(verify(3, 5, { data: sector.subarray(5 * 64, 7 * 64) })).toBe(false);
  });

  it.each([
    [1, 64],
    [0, 63],
    [0, 0],
    [-64, 64],
    [SECTOR_BYTES, 64],
    [64, SECTOR_BYTES],
    [Number.NaN, 64],
    [0, Number.POSITIVE_INFINITY],
  ])("of %d for %d bytes is a bug in the caller", (offset, length) => {
    expect(() => kernel.buildRangeProof(sector, offset, length)).toThrow(
      expect.objectContaining({ code: "bad-argument" }),
    );
    expect(() => kernel.verifyRangeProof({ root, offset, length, data: sector, proof: [] })).toThrow(
      expect.objectContaining({ code: "bad-argument" }),
    );
  });
});
