import type { MerkleHasher } from "../merkle/merkle-hasher.ts";
import { metaRoot } from "../merkle/meta-root.ts";
import { buildRangeProof, type LeafRange, rootFromRangeProof } from "../merkle/range-proof.ts";
import { hexOf, parseRoot, type Root } from "../slab/ids.ts";
import { LEAF_BYTES, LEAVES_PER_SECTOR, SECTOR_BYTES } from "../slab/sizes.ts";
import { Arena } from "./arena.ts";
import { badArgument, KernelError } from "./kernel-error.ts";
import { instantiate, type KernelExports, WINDOW_BYTES } from "./wasm-module.ts";

const HASH_BYTES = 32;
/** The limit of a process's kernel memory, for any number of parallel repairs (docs/decisions/0009-memory.md). */
const MAX_MEMORY_BYTES = 520 * 1024 * 1024;
/** The smallest memory of the kernels: their own tables and window need less than half of it. */
const MIN_MEMORY_BYTES = 2 * 1024 * 1024;
/** Number of coefficients that fit into the tables of wasm/galois-combine.ts. */
const MAX_COEFFICIENTS = 16_384;
/** The combining kernel works in steps of this many bytes. */
const COMBINE_STEP_BYTES = 64;

/** A range of a sector with the proof that it belongs to the root. */
export interface ProvenRange {
  readonly root: Root;
  readonly offset: number;
  readonly length: number;
  readonly data: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** `targets[t] = sum over s of coefficients[t * sources.length + s] * sources[s]` in GF(2^8). */
export interface Combination {
  readonly sources: readonly Uint8Array[];
  /** Overwritten. No target may overlap a source or another target. */
  readonly targets: readonly Uint8Array[];
  readonly coefficients: Uint8Array;
  /** A multiple of 64, at most the length of every source and target. */
  readonly lengthBytes: number;
}

/** Computes the root of a sector that arrives in pieces of any size. */
export interface RootStream {
  push(chunk: Uint8Array): void;
  /** Ends the stream, which must have received exactly 4 MiB. */
  root(): Root;
}

/**
 * The compute kernels over one wasm memory. All calls are synchronous, so they never overlap. Most calls accept data
 * anywhere: data in the arena is hashed in place, other data is copied first. Only `combine` requires its data to be in
 * the arena.
 */
export interface Kernel {
  readonly arena: Arena;
  /** Root of exactly 4 MiB. */
  sectorRoot(sector: Uint8Array): Root;
  /** Root of the subtree over `data`, whose size is 64 bytes times a power of two, at most a sector. */
  subtreeRoot(data: Uint8Array): Uint8Array;
  /** Root of the tree over any number of roots. */
  metaRoot(roots: readonly Uint8Array[]): Uint8Array;
  /** Whether the host's data and proof are right. Throws only for an invalid range. */
  verifyRangeProof(range: ProvenRange): boolean;
  /** The proof that a host sends with a range: hashes from left to right. */
  buildRangeProof(sector: Uint8Array, offset: number, length: number): Uint8Array[];
  createRootStream(): RootStream;
  combine(combination: Combination): void;
}

/** Creates the kernels with a memory of fixed size; pages cost nothing until touched. */
export function createKernel(options: { readonly memoryBytes: number }): Kernel {
  const { memoryBytes } = options;
  if (!(memoryBytes >= MIN_MEMORY_BYTES && memoryBytes <= MAX_MEMORY_BYTES)) {
    throw badArgument(
      `kernel memory: expected ${MIN_MEMORY_BYTES} to ${MAX_MEMORY_BYTES} bytes, got ${memoryBytes}`,
    );
  }
  const { exports: wasm, buffer } = instantiate(memoryBytes);
  const arena = new Arena(buffer, wasm.arenaAddress(), buffer.byteLength);
  const window = new Uint8Array(buffer, wasm.windowAddress(), WINDOW_BYTES);

  const node = (left: Uint8Array, right: Uint8Array): Uint8Array => {
    window.set(left, 0);
    window.set(right, HASH_BYTES);
    wasm.climb(window.byteOffset, 2);
    return window.slice(0, HASH_BYTES);
  };
  const rootOfAddress = (address: number, bytes: number): Uint8Array => {
    wasm.subtreeRoot(address, bytes / LEAF_BYTES, window.byteOffset);
    return window.slice(0, HASH_BYTES);
  };
  const subtreeRoot = (data: Uint8Array): Uint8Array => {
    const leaves = data.length / LEAF_BYTES;
    if (!Number.isInteger(Math.log2(leaves)) || leaves > LEAVES_PER_SECTOR) {
      throw badArgument(
        `subtree: expected 64 bytes times a power of two up to 65536, got ${data.length} bytes`,
      );
    }
    if (arena.contains(data)) return rootOfAddress(data.byteOffset, data.length);
    const roots: Uint8Array[] = [];
    for (let at = 0; at < data.length; at += WINDOW_BYTES) {
      const piece = data.subarray(at, at + WINDOW_BYTES);
      window.set(piece);
      roots.push(rootOfAddress(window.byteOffset, piece.length));
    }
    return metaRoot({ node }, roots);
  };
  const hasher = { node, subtreeRoot };

  return {
    arena,
    subtreeRoot,
    sectorRoot: (sector) => {
      requireSector(sector);
      return parseRoot(hexOf(subtreeRoot(sector)));
    },
    metaRoot: (roots) => metaRoot(hasher, roots),
    verifyRangeProof: ({ root, offset, length, data, proof }) => {
      const implied = rootFromRangeProof(hasher, leafRange(offset, length), data, proof);
      return implied !== undefined && hexOf(implied) === root;
    },
    buildRangeProof: (sector, offset, length) => {
      requireSector(sector);
      return buildRangeProof(hasher, sector, leafRange(offset, length));
    },
    createRootStream: () => createRootStream(hasher),
    combine: (combination) => {
      requireCombination(arena, combination);
      combineInBatches(wasm, buffer, combination);
    },
  };
}

function requireSector(sector: Uint8Array): void {
  if (sector.length !== SECTOR_BYTES) {
    throw badArgument(`sector: expected ${SECTOR_BYTES} bytes, got ${sector.length}`);
  }
}

function leafRange(offset: number, length: number): LeafRange {
  const aligned = offset % LEAF_BYTES === 0 && length % LEAF_BYTES === 0;
  if (!aligned || offset < 0 || length <= 0 || offset + length > SECTOR_BYTES) {
    throw badArgument(`range: expected whole leaves inside a sector, got ${length} bytes at ${offset}`);
  }
  return { start: offset / LEAF_BYTES, end: (offset + length) / LEAF_BYTES };
}

function createRootStream(hasher: MerkleHasher): RootStream {
  const piece = new Uint8Array(WINDOW_BYTES);
  const roots: Uint8Array[] = [];
  let filled = 0;
  const received = () => roots.length * WINDOW_BYTES + filled;
  return {
    push(chunk) {
      if (received() + chunk.length > SECTOR_BYTES) {
        throw badArgument(
          `root stream: expected at most ${SECTOR_BYTES} bytes, got ${received() + chunk.length}`,
        );
      }
      for (let at = 0; at < chunk.length; ) {
        const part = chunk.subarray(at, at + WINDOW_BYTES - filled);
        piece.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled === WINDOW_BYTES) {
          roots.push(hasher.subtreeRoot(piece));
          filled = 0;
        }
      }
    },
    root() {
      if (received() !== SECTOR_BYTES) {
        throw badArgument(`root stream: expected ${SECTOR_BYTES} bytes, got ${received()}`);
      }
      return parseRoot(hexOf(metaRoot(hasher, roots)));
    },
  };
}

function requireCombination(
  arena: Arena,
  { sources, targets, coefficients, lengthBytes }: Combination,
): void {
  if (sources.length < 1 || sources.length > 256 || targets.length > 256) {
    throw badArgument(
      `combine: expected 1 to 256 sources and at most 256 targets, got ${sources.length} and ${targets.length}`,
    );
  }
  if (coefficients.length !== sources.length * targets.length) {
    throw badArgument(
      `combine: expected ${sources.length * targets.length} coefficients, got ${coefficients.length}`,
    );
  }
  if (lengthBytes < 0 || lengthBytes % COMBINE_STEP_BYTES !== 0) {
    throw badArgument(`combine: expected a multiple of ${COMBINE_STEP_BYTES} bytes, got ${lengthBytes}`);
  }
  for (const region of [...sources, ...targets]) {
    if (!arena.contains(region)) {
      throw new KernelError({
        code: "not-in-arena",
        message: "combine: expected sources and targets in the kernel's arena, got one elsewhere",
        remedy: "Allocate them from kernel.arena.",
      });
    }
    if (region.length < lengthBytes) {
      throw badArgument(`combine: expected regions of at least ${lengthBytes} bytes, got ${region.length}`);
    }
  }
  const overlaps = (a: Uint8Array, b: Uint8Array) =>
    a.byteOffset < b.byteOffset + lengthBytes && b.byteOffset < a.byteOffset + lengthBytes;
  targets.forEach((target, t) => {
    if (
      sources.some((source) => overlaps(source, target)) ||
      targets.some((other, o) => o < t && overlaps(other, target))
    ) {
      throw badArgument("combine: expected targets separate from sources and each other, got an overlap");
    }
  });
}

/**
 * Passes addresses and coefficients through the window. Each call handles as many targets as the kernel has tables for.
 */
function combineInBatches(wasm: KernelExports, buffer: ArrayBuffer, combination: Combination): void {
  const { sources, targets, coefficients, lengthBytes } = combination;
  const batch = Math.floor(MAX_COEFFICIENTS / sources.length);
  const window = wasm.windowAddress();
  for (let first = 0; first < targets.length; first += batch) {
    const now = targets.slice(first, first + batch);
    const addresses = Uint32Array.from([...sources, ...now], (region) => region.byteOffset);
    new Uint32Array(buffer, window, addresses.length).set(addresses);
    const coefficientsAddress = window + addresses.byteLength;
    const part = coefficients.subarray(first * sources.length, (first + now.length) * sources.length);
    new Uint8Array(buffer, coefficientsAddress, part.length).set(part);
    const targetsAddress = window + 4 * sources.length;
    wasm.combine(window, sources.length, targetsAddress, now.length, coefficientsAddress, lengthBytes);
  }
}
