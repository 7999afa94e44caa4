import fc from "fast-check";
import { createBLAKE2b } from "hash-wasm";
import { describe, expect, it } from "vitest";
import { createKernel } from "../../lib/kernel/kernel.ts";
import { hexOf } from "../../lib/slab/ids.ts";
import { LEAF_BYTES, SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { seededBytes } from "../kernel/seeded-bytes.ts";
import { leafHash, nodeHash, treeRoot } from "./reference.ts";

const kernel = createKernel({ memoryBytes: 16 * 1024 * 1024 });
const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });

const ZERO_SUBTREE_ROOTS = [
  "d34e94d74d0cb9665a8bc42e8954f50606ba7be3daec7f5bdf1a35e291941770",
  "5b3bc22a619574a668c4e2a22fa72210611813c6ed44cf445789ee316102bfe1",
  "3d8e644caa3e7ac720b1f7ce42d829ecf2c0ad7ef656258f4c1c90422074ba23",
  "d66f6fce29310f5d2db0d2398e6d93b23c9fa1982b7249b07664590b7aebc49a",
  "f0022a573326ecc0e4c18cf56b9a31d94dc792f8ec20ecbbc57d33c75db24c54",
  "e240ea5da6c9210462994b84294d862f6d012cfb12ea0b706184a94d4c5f26bf",
  "9213804e199cab3449185a5517f54e49c1d6b0892b8269ed4baab62dbf3e8ebb",
  "f052bf6db4444532ed0d8fdfc67c0ce9688fb4042d461a5bb367506de5e712a8",
  "61b3d824e7b4662df867477f09335dfecfc990c9f0b3731fbec981428b38190d",
  "272b122c6943a7dd6b5e2797a727de61f53c274f29d7d3e4e30d40620f83dc2b",
  "5ce18ab62a07bb4d4def2509f8bfa982d5cfd07deb533248abfd7b305652470c",
  "39cb8aa6feace01924b732664b81a8f41d688cbd7817154c663c1686a4cf6a0e",
  "95ab608799eb9c485712a4c995d4e22ea7b20024fe81730f5b4deb4982e97b78",
  "6530f5433504ba845332dd51742b57f0666456c99b78f67c72fac381980527b1",
  "53ae21d13da92c6741cf44e9b08e0c0616485402c343e4f6c92e5c8516187bcf",
  "f2c4d3e9ce380389b1088d44ddb30276fbff5f75803c2bd13678b690f4187d7e",
];

function zeroSectorWith(at: number): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES);
  sector[at] = 1;
  return sector;
}

const countingSector = Buffer.alloc(SECTOR_BYTES).map((_, i) => i % 251);

describe("sector root", () => {
  it.each([
    [
      "all zero",
      Buffer.alloc(SECTOR_BYTES),
      "50ed59cecd5ed3ca9e65cec0797202091dbba45272dafa3faa4e27064eedd52c",
    ],
    ["first byte 1", zeroSectorWith(0), "8c20a2c90a733a5139cc57e45755322e304451c3434b0c0a0aad87f2f89a44ab"],
    [
      "last byte 1",
      zeroSectorWith(SECTOR_BYTES - 1),
      "d0ab6691d76750618452e920386e5f6f98fdd1219a70a06f06ef622ac6c6373c",
    ],
    ["bytes modulo 251", countingSector, "5610a4729c087a39ab0281ef9c74861eb48442696f3d666b61d30ec32daa0b8b"],
  ])("matches the vector: %s", (_name, sector, root) => {
    expect(kernel.sectorRoot(sector)).toBe(root);
  });

  it("the sector root is the same for data in the arena, outside it, or in a stream of pieces", () => {
    const region = kernel.arena.allocate(SECTOR_BYTES);
    fc.assert(
      fc.property(seeds, fc.array(fc.nat({ max: 700_000 }), { maxLength: 20 }), (seed, pieces) => {
        const sector = seededBytes(seed, SECTOR_BYTES);
        region.set(sector);
        const root = kernel.sectorRoot(region);
        const stream = kernel.createRootStream();
        let at = 0;
        for (const piece of [...pieces, SECTOR_BYTES]) {
          stream.push(sector.subarray(at, at + piece));
          at = Math.min(at + piece, SECTOR_BYTES);
        }
        expect(kernel.sectorRoot(sector)).toBe(root);
        expect(stream.root()).toBe(root);
        expect(region.equals(sector)).toBe(true);
      }),
      { numRuns: 5 },
    );
    kernel.arena.free(region);
  });

  it("equals the slow reference on a random sector", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const sector = seededBytes(seed, SECTOR_BYTES);
        expect(kernel.sectorRoot(sector)).toBe(hexOf(treeRoot(sector)));
      }),
      { numRuns: 1 },
    );
  });

  it("hashes leaves and nodes as hash-wasm does", async () => {
    const hasher = await createBLAKE2b(256);
    const oracle = (prefix: number, block: Uint8Array) =>
      hasher.init().update(Uint8Array.of(prefix)).update(block).digest("hex");
    fc.assert(
      fc.property(fc.uint8Array({ minLength: LEAF_BYTES, maxLength: LEAF_BYTES }), (block) => {
        expect(hexOf(kernel.subtreeRoot(block))).toBe(oracle(0, block));
        expect(hexOf(kernel.metaRoot([block.subarray(0, 32), block.subarray(32)]))).toBe(oracle(1, block));
        expect(hexOf(leafHash(block))).toBe(oracle(0, block));
      }),
    );
  });

  it.each([0, 1, LEAF_BYTES, SECTOR_BYTES - LEAF_BYTES, SECTOR_BYTES + LEAF_BYTES])(
    "a sector root of %i bytes is refused",
    (bytes) => {
      expect(() => kernel.sectorRoot(Buffer.alloc(bytes))).toThrow(
        expect.objectContaining({ code: "bad-argument" }),
      );
    },
  );

  it("the sector root refuses a stream that is too short or too long", () => {
    const stream = kernel.createRootStream();
    stream.push(Buffer.alloc(SECTOR_BYTES - 1));
    expect(() => stream.root()).toThrow(expect.objectContaining({ code: "bad-argument" }));
    expect(() => stream.push(Buffer.alloc(2))).toThrow(expect.objectContaining({ code: "bad-argument" }));
  });
});

describe("subtree root", () => {
  it.each(ZERO_SUBTREE_ROOTS.map((root, height) => ({ height, root })))(
    "the root of zeros at height $height matches the vector",
    ({ height, root }) => {
      expect(hexOf(kernel.subtreeRoot(Buffer.alloc(LEAF_BYTES * 2 ** height)))).toBe(root);
    },
  );

  it("equals the slow reference at every height", () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 13 }), (seed, height) => {
        const data = seededBytes(seed, LEAF_BYTES * 2 ** height);
        expect(hexOf(kernel.subtreeRoot(data))).toBe(hexOf(treeRoot(data)));
      }),
      { numRuns: 20 },
    );
  });

  it.each([0, 63, 192, LEAF_BYTES * 131_072])("a subtree root of %i bytes is refused", (bytes) => {
    expect(() => kernel.subtreeRoot(Buffer.alloc(bytes))).toThrow(
      expect.objectContaining({ code: "bad-argument" }),
    );
  });
});

describe("meta root", () => {
  const roots = (count: number) => Array.from({ length: count }, (_, i) => Buffer.alloc(32, i + 1));

  it.each([
    [0, "00".repeat(32)],
    [1, "01".repeat(32)],
    [2, "81f855f6e4eac8d9e571c539b652e1574f085015711abed480cf6defe7a1f1ac"],
    [3, "a371147dc440c4ba64ede69137ae8774b6f451e955725873445e51fa8853993e"],
    [5, "98b572c089e78cbe8a8634e8e64440651c8cef8f982e7154aa0a2ebd7503d656"],
  ])("of %i roots matches the vector", (count, root) => {
    expect(hexOf(kernel.metaRoot(roots(count)))).toBe(root);
  });

  it("the meta root of the roots of equal aligned pieces is the sector root", () => {
    const pieces = Array.from({ length: 4 }, (_, i) =>
      kernel.subtreeRoot(countingSector.subarray((i * SECTOR_BYTES) / 4, ((i + 1) * SECTOR_BYTES) / 4)),
    );
    expect(hexOf(kernel.metaRoot(pieces))).toBe(kernel.sectorRoot(countingSector));
    expect(hexOf(nodeHash(nodeHash(pieces[0]!, pieces[1]!), nodeHash(pieces[2]!, pieces[3]!)))).toBe(
      kernel.sectorRoot(countingSector),
    );
  });
});
