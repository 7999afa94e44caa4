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
  /**
   * `offset` and `length` are multiples of 64 within the sector; on the host side, any numbers that the client sent.
   */
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

/** Numbers are exact up to 2^53; larger values are far outside a sector anyway. */
function clampToSafeInteger(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}

/**
 * Host side: decodes a request without checking its range, because the host answers an invalid range with a specific
 * error.
 */
export function decodeReadSectorRequest(bytes: Uint8Array): ReadSectorRequest {
  return decodeWhole("ReadSector request", bytes, (from) => ({
    ...readPayment(from),
    root: from.id<Root>(),
    offset: clampToSafeInteger(from.u64()),
    length: clampToSafeInteger(from.u64()),
  }));
}

/** The response up to the data. The data follows without any framing. */
export function encodeReadSectorResponseHead(proof: readonly Uint8Array[], dataLength: number): Uint8Array {
  return encodeSuccess(new Encoder(8 + 32 * proof.length + 8).hashes(proof).u64(dataLength).finish());
}

/** Reads the response up to the data. Throws if the length of the proof or of the data does not fit the range. */
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
  /** Hashes of the range proof of docs/protocol.md, left to right. Empty for a whole sector. */
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
 * Reads a range of a sector directly into `into`. The data is NOT verified here: trust it only once the proof has been
 * checked against the whole data, or once the shard that was rebuilt from the data has the right root.
 * @param mayCharge called just before the request is sent, because the host may charge for the read from then on
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
