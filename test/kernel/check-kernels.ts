/**
 * Checks the kernels with their test vectors and, on random data, against the slow references. It is a plain program,
 * for machines without a test runner, such as an emulated arm64. Exits with 1 at the first difference.
 *
 *   node test/kernel/check-kernels.ts [SEED]
 */
import assert from "node:assert/strict";
import { encodingMatrix, rebuildCoefficients } from "../../lib/erasure/coefficients.ts";
import { createKernel } from "../../lib/kernel/kernel.ts";
import { createPacketKernel } from "../../lib/kernel/packet-kernel.ts";
import { hexOf } from "../../lib/slab/ids.ts";
import { LEAF_BYTES, SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { matrixCoefficients, multiply, vandermondeMatrix, weightedSum } from "../erasure/reference.ts";
import { rangeProof, treeRoot } from "../merkle/reference.ts";
import { seal } from "./chacha20-poly1305-reference.ts";
import { seededBytes } from "./seeded-bytes.ts";

const [seedText = String(Date.now() % 2 ** 32)] = process.argv.slice(2);
const seed = Number(seedText);
console.log(`${process.version} ${process.arch}, seed ${seed}`);
const kernel = createKernel({ memoryBytes: 48 * 1_048_576 });

const region = (contents: Uint8Array): Buffer => {
  const allocated = kernel.arena.allocate(contents.length);
  allocated.set(contents);
  return allocated;
};

function checkSectorRoots(): void {
  const first = Buffer.alloc(SECTOR_BYTES);
  first[0] = 1;
  const last = Buffer.alloc(SECTOR_BYTES);
  last[SECTOR_BYTES - 1] = 1;
  for (const [sector, root] of [
    [Buffer.alloc(SECTOR_BYTES), "50ed59cecd5ed3ca9e65cec0797202091dbba45272dafa3faa4e27064eedd52c"],
    [first, "8c20a2c90a733a5139cc57e45755322e304451c3434b0c0a0aad87f2f89a44ab"],
    [last, "d0ab6691d76750618452e920386e5f6f98fdd1219a70a06f06ef622ac6c6373c"],
    [
      Buffer.alloc(SECTOR_BYTES).map((_, i) => i % 251),
      "5610a4729c087a39ab0281ef9c74861eb48442696f3d666b61d30ec32daa0b8b",
    ],
  ] as const) {
    assert.equal(kernel.sectorRoot(sector), root);
  }
}

/** Every power of two from 1 to 2,048 leaves, so that each path through the three-hash loop is taken. */
function checkSubtrees(): void {
  for (let leaves = 1; leaves <= 2_048; leaves *= 2) {
    for (let round = 0; round < 4; round++) {
      const data = seededBytes(seed + leaves + round, leaves * LEAF_BYTES);
      assert.equal(hexOf(kernel.subtreeRoot(data)), hexOf(treeRoot(data)));
    }
  }
}

function checkProofs(): void {
  const sector = seededBytes(seed, SECTOR_BYTES);
  const root = kernel.sectorRoot(sector);
  assert.equal(root, hexOf(treeRoot(sector)));
  for (const [start, end] of [
    [0, 1],
    [65_535, 65_536],
    [16_384, 32_768],
    [12_345, 23_456],
  ] as const) {
    const [offset, length] = [start * LEAF_BYTES, (end - start) * LEAF_BYTES];
    const proof = kernel.buildRangeProof(sector, offset, length);
    assert.deepEqual(proof.map(hexOf), rangeProof(sector, start, end).map(hexOf));
    const data = Buffer.from(sector.subarray(offset, offset + length));
    assert.equal(kernel.verifyRangeProof({ root, offset, length, data, proof }), true);
    data[0]! ^= 1;
    assert.equal(kernel.verifyRangeProof({ root, offset, length, data, proof }), false);
  }
}

function checkProducts(): void {
  const everyByte = region(Uint8Array.from({ length: 256 }, (_, i) => i));
  const product = region(new Uint8Array(256));
  for (let coefficient = 0; coefficient < 256; coefficient++) {
    kernel.combine({
      sources: [everyByte],
      targets: [product],
      coefficients: Uint8Array.of(coefficient),
      lengthBytes: 256,
    });
    assert.deepEqual(
      product,
      Buffer.from(Uint8Array.from({ length: 256 }, (_, byte) => multiply(coefficient, byte))),
    );
  }
}

function checkCodes(): void {
  const lengthBytes = 8_256;
  for (const [k, n] of [
    [1, 3],
    [2, 5],
    [3, 12],
    [10, 30],
    [29, 80],
  ] as const) {
    assert.deepEqual(encodingMatrix(k, n), vandermondeMatrix(k, n));
    const sources = Array.from({ length: k }, (_, s) => region(seededBytes(seed + s, lengthBytes)));
    const request = {
      k,
      n,
      available: Array.from({ length: k }, (_, i) => n - 1 - i),
      targets: [0, 1].slice(0, n - k),
    };
    const coefficients = rebuildCoefficients(request);
    assert.deepEqual(coefficients, matrixCoefficients(request));
    const targets = request.targets.map(() => region(new Uint8Array(lengthBytes)));
    kernel.combine({ sources, targets, coefficients, lengthBytes });
    for (const [t, target] of targets.entries()) {
      const expected = weightedSum(sources, coefficients.subarray(t * k, (t + 1) * k));
      assert.equal(Buffer.compare(target, expected), 0, `${k}-of-${n}, target ${t}`);
    }
    for (const held of [...sources, ...targets]) kernel.arena.free(held);
  }
}

/** Checks packets of the sizes that connections use, and of the sizes around a stride and a block. */
function checkPackets(): void {
  const packets = createPacketKernel({ incomingBytes: 65_600, batchBytes: 65_536 });
  for (const packetBytes of [17, 32, 271, 272, 273, 527, 528, 529, 1_220, 4_320, 32_768]) {
    const [count, textBytes] = [2, packetBytes - 16];
    const batch = {
      key: seededBytes(seed, 32),
      count,
      packetBytes,
      counter: 0xffff_ffffn,
      sender: 0x8000_0000,
    };
    const texts = seededBytes(seed + packetBytes, count * textBytes);
    packets.texts.set(texts);
    packets.seal(batch);
    for (let n = 0; n < count; n++) {
      const nonce = Buffer.alloc(12, 0);
      nonce.writeBigUInt64LE(batch.counter + BigInt(n));
      nonce.writeUInt32LE(batch.sender, 8);
      const expected = seal(batch.key, nonce, texts.subarray(n * textBytes, (n + 1) * textBytes));
      const sealed = packets.sealed.subarray(n * packetBytes, (n + 1) * packetBytes);
      assert.equal(Buffer.compare(sealed, expected), 0, `packet ${n} of ${packetBytes} bytes`);
    }
    packets.incoming.set(packets.sealed.subarray(0, count * packetBytes), 3);
    assert.equal(packets.open(3, batch), count);
    for (let n = 0; n < count; n++) {
      const at = 3 + n * packetBytes;
      const text = texts.subarray(n * textBytes, (n + 1) * textBytes);
      assert.equal(Buffer.compare(packets.incoming.subarray(at, at + textBytes), text), 0);
    }
  }
}

for (const check of [checkSectorRoots, checkSubtrees, checkProofs, checkProducts, checkCodes, checkPackets]) {
  check();
  console.log(`${check.name} passed`);
}
