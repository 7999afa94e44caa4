import type { Root } from "../slab/ids.ts";
import { LEAF_BYTES, LEAVES_PER_SECTOR } from "../slab/sizes.ts";
import { callRpc } from "./call.ts";
import { decodeWhole, Encoder } from "./encoding.ts";
import { InvalidRequestError } from "./errors.ts";
import { encodeSuccess, expectSuccess } from "./framing.ts";
import type { ByteSource } from "./message-reader.ts";
import { encodePayment, PAYMENT_BYTES, type Payment, readPayment } from "./payment.ts";
import type { RpcStream } from "./rpc-stream.ts";
import { rangeProofHashes, readProof } from "./sector-range.ts";

export interface VerifySectorRequest extends Payment {
  readonly root: Root;
  readonly leafIndex: bigint;
}

export const VERIFY_SECTOR_REQUEST_BYTES = PAYMENT_BYTES + 32 + 8;

export function encodeVerifySectorRequest(request: VerifySectorRequest): Uint8Array {
  return new Encoder(VERIFY_SECTOR_REQUEST_BYTES)
    .fixed(encodePayment(request), PAYMENT_BYTES)
    .id(request.root)
    .u64(request.leafIndex)
    .finish();
}

export function decodeVerifySectorRequest(bytes: Uint8Array): VerifySectorRequest {
  return decodeWhole("VerifySector request", bytes, (from) => ({
    ...readPayment(from),
    root: from.id<Root>(),
    leafIndex: from.u64(),
  }));
}

export interface VerifySectorResponse {
  readonly proof: Uint8Array[];
  /** 64 bytes. */
  readonly leaf: Uint8Array;
}

export function encodeVerifySectorResponse(response: VerifySectorResponse): Uint8Array {
  return encodeSuccess(
    new Encoder(8 + 32 * response.proof.length + LEAF_BYTES)
      .hashes(response.proof)
      .fixed(response.leaf, LEAF_BYTES)
      .finish(),
  );
}

export async function readVerifySectorResponse(source: ByteSource): Promise<VerifySectorResponse> {
  await expectSuccess(source);
  // One leaf: as many hashes as the tree is high, wherever it is.
  const proof = await readProof(source, rangeProofHashes(0, 1));
  return { proof, leaf: await source.readExactly(LEAF_BYTES) };
}

/** Costs as much as reading the whole sector: a read of 64 bytes proves the same for a thousandth. NOT verified here. */
export async function verifySector(
  stream: RpcStream,
  request: VerifySectorRequest,
): Promise<VerifySectorResponse> {
  if (request.leafIndex < 0n || request.leafIndex >= BigInt(LEAVES_PER_SECTOR)) {
    throw new InvalidRequestError(`leaf: expected 0..${LEAVES_PER_SECTOR - 1}, got ${request.leafIndex}`);
  }
  const bytes = encodeVerifySectorRequest(request);
  return await callRpc(stream, "VerifySector", bytes, readVerifySectorResponse);
}
