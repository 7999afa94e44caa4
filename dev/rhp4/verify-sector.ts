import { callRpc } from "../../lib/rhp4/call.ts";
import { decodeWhole, Encoder } from "../../lib/rhp4/encoding.ts";
import { InvalidRequestError } from "../../lib/rhp4/errors.ts";
import { encodeSuccess, expectSuccess } from "../../lib/rhp4/framing.ts";
import type { ByteSource } from "../../lib/rhp4/message-reader.ts";
import { encodePayment, PAYMENT_BYTES, type Payment, readPayment } from "../../lib/rhp4/payment.ts";
import type { RpcStream } from "../../lib/rhp4/rpc-stream.ts";
import { rangeProofHashes, readProof } from "../../lib/rhp4/sector-range.ts";
import type { Root } from "../../lib/slab/ids.ts";
import { LEAF_BYTES, LEAVES_PER_SECTOR } from "../../lib/slab/sizes.ts";

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
  // A proof of one leaf consists of one hash for each level of the tree.
  const proof = await readProof(source, rangeProofHashes(0, 1));
  return { proof, leaf: await source.readExactly(LEAF_BYTES) };
}

/**
 * Calls VerifySector, which costs as much as reading the whole sector. A read of 64 bytes proves the same for a
 * thousandth of this price. The proof is NOT verified here.
 */
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
