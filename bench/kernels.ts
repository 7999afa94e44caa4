import { type CipherGCMTypes, createDecipheriv, createSecretKey, randomFillSync } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { xchacha20 } from "@noble/ciphers/chacha.js";
import { ReedSolomonErasure } from "@subspace/reed-solomon-erasure.wasm";
import { createBLAKE2b } from "hash-wasm";
import { encodingMatrix } from "../lib/erasure/coefficients.ts";
import { createKernel } from "../lib/kernel/kernel.ts";
import { createPacketKernel } from "../lib/kernel/packet-kernel.ts";
import { shardCipher } from "../lib/slab/shard-cipher.ts";
import { LEAF_BYTES, SECTOR_BYTES } from "../lib/slab/sizes.ts";
import { measureInTurn, median, ratioOf, rounded, type Samples } from "./measure.ts";

/** The speed of one kernel, and of the best package that does the same work, measured in the same run. */
export interface KernelResult {
  readonly milliseconds: number;
  /** Input bytes per second. */
  readonly mebibytesPerSecond: number;
  readonly against: string;
  readonly againstMilliseconds: number;
  /** Our speed divided by that of the package; must be at least `atLeast`. */
  readonly ratio: number;
  readonly atLeast: number;
}

const MIN_SHARDS = 10;
const PARITY_SHARDS = 20;

function result(
  ours: Samples,
  theirs: Samples,
  bytes: number,
  against: string,
  atLeast: number,
): KernelResult {
  return {
    milliseconds: rounded(median(ours)),
    mebibytesPerSecond: rounded(bytes / 2 ** 20 / (median(ours) / 1000)),
    against,
    againstMilliseconds: rounded(median(theirs)),
    ratio: rounded(ratioOf(theirs, ours)),
    atLeast,
  };
}

/** Computes the sector root of docs/protocol.md, with hash-wasm for every hash. */
async function hashWasmSectorRoot(): Promise<(sector: Uint8Array) => Uint8Array> {
  const hasher = await createBLAKE2b(256);
  const level = new Uint8Array(SECTOR_BYTES / 2);
  const block = new Uint8Array(1 + LEAF_BYTES);
  const hashLevel = (blocks: Uint8Array, prefix: number): number => {
    block[0] = prefix;
    for (let at = 0; at < blocks.length; at += LEAF_BYTES) {
      block.set(blocks.subarray(at, at + LEAF_BYTES), 1);
      level.set(hasher.init().update(block).digest("binary"), at / 2);
    }
    return blocks.length / 2;
  };
  return (sector) => {
    let bytes = hashLevel(sector, 0);
    while (bytes > 32) bytes = hashLevel(level.subarray(0, bytes), 1);
    return level.slice(0, 32);
  };
}

async function sectorRoot(): Promise<KernelResult> {
  const kernel = createKernel({ memoryBytes: 8 * 2 ** 20 });
  const sector = randomFillSync(kernel.arena.allocate(SECTOR_BYTES));
  const theirs = await hashWasmSectorRoot();
  if (Buffer.from(theirs(sector)).toString("hex") !== kernel.sectorRoot(sector))
    throw new Error("roots differ");
  const samples = await measureInTurn(21, {
    ours: () => kernel.sectorRoot(sector),
    theirs: () => theirs(sector),
  });
  return result(samples.ours, samples.theirs, SECTOR_BYTES, "hash-wasm", 4);
}

async function keystream(): Promise<KernelResult> {
  const shard = randomFillSync(Buffer.alloc(SECTOR_BYTES));
  const slabKey = Buffer.alloc(32, 1);
  const nonce = new Uint8Array(24);
  const samples = await measureInTurn(151, {
    ours: () => shardCipher(slabKey, 0).apply(shard, 0),
    theirs: () => xchacha20(slabKey, nonce, shard, shard),
  });
  return result(samples.ours, samples.theirs, SECTOR_BYTES, "@noble/ciphers", 6);
}

async function reedSolomon(): Promise<KernelResult> {
  const kernel = createKernel({ memoryBytes: 124 * 2 ** 20 });
  const allocate = (count: number) =>
    Array.from({ length: count }, () => kernel.arena.allocate(SECTOR_BYTES));
  const sources = allocate(MIN_SHARDS).map((region) => randomFillSync(region));
  const targets = allocate(PARITY_SHARDS);
  const coefficients = encodingMatrix(MIN_SHARDS, MIN_SHARDS + PARITY_SHARDS).subarray(
    MIN_SHARDS * MIN_SHARDS,
  );
  const binary = new URL(
    "reed_solomon_erasure_bg.wasm",
    import.meta.resolve("@subspace/reed-solomon-erasure.wasm"),
  );
  const oracle = ReedSolomonErasure.fromBytes(await readFile(fileURLToPath(binary)));
  const shards = Buffer.concat([...sources, Buffer.alloc(PARITY_SHARDS * SECTOR_BYTES)]);
  const samples = await measureInTurn(7, {
    ours: () => kernel.combine({ sources, targets, coefficients, lengthBytes: SECTOR_BYTES }),
    theirs: () => oracle.encode(shards, MIN_SHARDS, PARITY_SHARDS),
  });
  if (!Buffer.concat(targets).equals(shards.subarray(MIN_SHARDS * SECTOR_BYTES)))
    throw new Error("parity differs");
  const bytes = MIN_SHARDS * SECTOR_BYTES;
  return result(samples.ours, samples.theirs, bytes, "@subspace/reed-solomon-erasure.wasm", 6);
}

/** Decrypts the packets of a sector in batches, as if each batch came from one read of a socket. */
async function openPackets(): Promise<KernelResult> {
  const [packetBytes, count, batches] = [4_320, 30, 33];
  const textBytes = packetBytes - 16;
  const kernel = createPacketKernel({ incomingBytes: count * packetBytes, batchBytes: count * packetBytes });
  const batch = { key: Buffer.alloc(32, 1), count, packetBytes, counter: 0n, sender: 0 };
  randomFillSync(kernel.texts);
  kernel.seal(batch);
  const sealed = Buffer.from(kernel.sealed);
  const keyObject = createSecretKey(batch.key);
  const nonces = Array.from({ length: count }, (_, n) => {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32LE(n);
    return nonce;
  });
  const openByNode = (n: number): void => {
    const packet = sealed.subarray(n * packetBytes, (n + 1) * packetBytes);
    const options = { authTagLength: 16 };
    const decipher = createDecipheriv("chacha20-poly1305" as CipherGCMTypes, keyObject, nonces[n]!, options);
    decipher.setAuthTag(packet.subarray(textBytes));
    decipher.update(packet.subarray(0, textBytes)).buffer.transfer(0);
    decipher.final();
  };
  const samples = await measureInTurn(21, {
    ours: () => {
      for (let n = 0; n < batches; n++) {
        kernel.incoming.set(sealed);
        if (kernel.open(0, batch) !== count) throw new Error("a packet cannot be decrypted");
      }
    },
    theirs: () => {
      for (let n = 0; n < batches * count; n++) openByNode(n % count);
    },
  });
  return result(samples.ours, samples.theirs, batches * count * textBytes, "node:crypto", 1);
}

/** Median durations of the kernels that a repair uses, each in a single thread. */
export async function benchKernels(): Promise<Record<string, KernelResult>> {
  return {
    sectorRoot: await sectorRoot(),
    xchacha20: await keystream(),
    reedSolomon20: await reedSolomon(),
    openPackets: await openPackets(),
  };
}
