import { LEAF_BYTES, LEAVES_PER_SECTOR, SECTOR_BYTES } from "../slab/sizes.ts";
import { InvalidRequestError, ProtocolError } from "./errors.ts";
import { type ByteSource, MessageReader } from "./message-reader.ts";

/** The maximum number of hashes in a range proof of a sector: 16 on either side of the range. */
export const MAX_PROOF_HASHES = 32;

function popcount(value: number): number {
  let left = value;
  let bits = 0;
  for (; left !== 0; left &= left - 1) bits++;
  return bits;
}

/**
 * The number of hashes that prove the leaves [start, end) of a sector: one to the left of the range for each set bit of
 * `start`, and one to the right for each clear bit of `end - 1` as a 16-bit number
 * (docs/protocol.md#range-proof-its-length).
 */
export function rangeProofHashes(start: number, end: number): number {
  const last = end - 1;
  const differing = 32 - Math.clz32(last ^ (LEAVES_PER_SECTOR - 1));
  return popcount(start) + popcount(~last & (2 ** differing - 1));
}

/**
 * Throws if a host cannot serve the range. It must be inside the sector, not empty, and aligned to leaves at both ends.
 */
export function checkRange(offset: number, length: number): void {
  const aligned = offset % LEAF_BYTES === 0 && length % LEAF_BYTES === 0;
  if (aligned && offset >= 0 && length > 0 && offset + length <= SECTOR_BYTES) return;
  throw new InvalidRequestError(
    `range: expected multiples of ${LEAF_BYTES} within a sector, got offset ${offset} and length ${length}`,
  );
}

/** Reads a proof, which must have exactly the number of hashes that its range needs. */
export async function readProof(source: ByteSource, expectedHashes: number): Promise<Uint8Array[]> {
  const reader = new MessageReader("proof", source, 8 + 32 * MAX_PROOF_HASHES);
  const count = (await reader.next(8)).count("hashes", MAX_PROOF_HASHES);
  if (count !== expectedHashes) {
    throw new ProtocolError("wrong-proof-length", `proof: expected ${expectedHashes} hashes, got ${count}`);
  }
  return (await reader.next(32 * count)).hashes(count);
}
