import type { Root } from "../slab/ids.ts";
import { LEAF_BYTES } from "../slab/sizes.ts";
import { callRpc } from "./call.ts";
import { decodeWhole, Encoder } from "./encoding.ts";
import { ProtocolError } from "./errors.ts";
import { encodeSuccess, expectSuccess } from "./framing.ts";
import { type ByteSource, MessageReader } from "./message-reader.ts";
import { encodePayment, PAYMENT_BYTES, type Payment, readPayment } from "./payment.ts";
import type { RpcStream } from "./rpc-stream.ts";
import { checkRange, rangeProofHashes, readProof } from "./sector-range.ts";

export interface ReadSectorRequest extends Payment {
  readonly root: Root;
  /** Multiples of 64, within the sector. On the host side: any numbers that the client sent. */
  readonly offset: number;
  readonly length: number;
}

export const READ_SECTOR_REQUEST_BYTES = PAYMENT_BYTES + 32 + 8 + 8;

export function encodeReadSectorRequest(request: ReadSectorRequest): Uint8Array {
  return new Encoder(READ_SECTOR_REQUEST_BYTES)
    .fixed(encodePayment(request), PAYMENT_BYTES)
    .id(request.root)
    .u64(request.offset)
    .u64(request.length)
    .finish();
}

/** A number is exact up to 2^53; a larger one is far outside of a sector anyway. */
function clampToSafeInteger(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}

/** Decodes without judging the range: the host answers a bad one with an error of its own. */
export function decodeReadSectorRequest(bytes: Uint8Array): ReadSectorRequest {
  return decodeWhole("ReadSector request", bytes, (from) => ({
    ...readPayment(from),
    root: from.id<Root>(),
    offset: clampToSafeInteger(from.u64()),
    length: clampToSafeInteger(from.u64()),
  }));
}

/** All of the response but the data, which follows raw and without a frame of its own. */
export function encodeReadSectorResponseHead(proof: readonly Uint8Array[], dataLength: number): Uint8Array {
  return encodeSuccess(new Encoder(8 + 32 * proof.length + 8).hashes(proof).u64(dataLength).finish());
}

/** Reads all of the response but the data. Throws when proof or data have not the length that the range asks for. */
export async function readReadSectorResponseHead(
  source: ByteSource,
  range: { readonly offset: number; readonly length: number },
): Promise<Uint8Array[]> {
  await expectSuccess(source);
  const start = range.offset / LEAF_BYTES;
  const proof = await readProof(source, rangeProofHashes(start, start + range.length / LEAF_BYTES));
  const dataLength = (await new MessageReader("ReadSector response", source, 8).next(8)).u64();
  if (dataLength !== BigInt(range.length)) {
    throw new ProtocolError(
      "wrong-data-length",
      `ReadSector: asked for ${range.length} bytes, got ${dataLength}`,
    );
  }
  return proof;
}

export interface ReadSectorResult {
  /** Left to right; for the range proof of docs/protocol.md. Empty for a whole sector. */
  readonly proof: Uint8Array[];
}

export interface RangeRequest {
  readonly root: Root;
  /** A multiple of 64, as is the length of `into`. */
  readonly offset: number;
  /** Filled with the range. */
  readonly into: Uint8Array;
}

/**
 * Reads a range of a sector straight into `into`. The data is NOT verified here: nothing of it can be trusted before the
 * proof was combined with all of it, or the shard rebuilt from it has the right root.
 * @param mayCharge called just before the host gets the request: it may charge for a read as soon as it has that
 */
export async function readSector(
  stream: RpcStream,
  payment: Payment,
  { root, offset, into }: RangeRequest,
  mayCharge: () => void = () => {},
): Promise<ReadSectorResult> {
  const request = { ...payment, root, offset, length: into.length };
  checkRange(offset, into.length);
  const encoded = encodeReadSectorRequest(request);
  mayCharge();
  const proof = await callRpc(stream, "ReadSector", encoded, async () => {
    const hashes = await readReadSectorResponseHead(stream, request);
    await stream.readInto(into);
    return hashes;
  });
  return { proof };
}
