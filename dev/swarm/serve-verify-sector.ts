import { verifySectorCost } from "../../lib/rhp4/costs.ts";
import type { RpcStream } from "../../lib/rhp4/rpc-stream.ts";
import { LEAF_BYTES, LEAVES_PER_SECTOR } from "../../lib/slab/sizes.ts";
import {
  decodeVerifySectorRequest,
  encodeVerifySectorResponse,
  VERIFY_SECTOR_REQUEST_BYTES,
} from "../rhp4/verify-sector.ts";
import { charge, paymentFlaw } from "./check-payment.ts";
import type { HostState } from "./host-state.ts";
import { proveRange, requireSector } from "./prove-range.ts";
import { readRequest } from "./read-request.ts";
import { badRequest, Refused } from "./refusals.ts";

/** Sends one leaf and its proof, at the price of reading a whole sector. */
export async function serveVerifySector(host: HostState, stream: RpcStream): Promise<void> {
  const request = await readRequest(stream, VERIFY_SECTOR_REQUEST_BYTES, decodeVerifySectorRequest);
  const flaw = paymentFlaw(host, request) ?? leafFlaw(request.leafIndex);
  if (flaw !== undefined) throw new Refused(badRequest(flaw));
  requireSector(host, request.root);
  charge(host, request, verifySectorCost(request.prices));
  const offset = Number(request.leafIndex) * LEAF_BYTES;
  const { data, proof } = await proveRange(host, request.root, offset, LEAF_BYTES);
  await stream.write(encodeVerifySectorResponse({ proof, leaf: data }));
  host.tally.bytesRead += data.length;
}

function leafFlaw(leafIndex: bigint): string | undefined {
  return leafIndex >= BigInt(LEAVES_PER_SECTOR)
    ? `leaf index must be less than ${LEAVES_PER_SECTOR}`
    : undefined;
}
