import { readSectorCost } from "../../lib/rhp4/costs.ts";
import {
  decodeReadSectorRequest,
  encodeReadSectorResponseHead,
  READ_SECTOR_REQUEST_BYTES,
  type ReadSectorRequest,
} from "../../lib/rhp4/read-sector.ts";
import type { RpcStream } from "../../lib/rhp4/rpc-stream.ts";
import { LEAF_BYTES, SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { charge, paymentFlaw } from "./check-payment.ts";
import type { HostState } from "./host-state.ts";
import type { HostSwitches } from "./host-switches.ts";
import { proveRange, requireSector } from "./prove-range.ts";
import { readRequest } from "./read-request.ts";
import { invalidRequest, Refused } from "./refusals.ts";

/**
 * Data is written to the connection in chunks of this size, so the host notices when a client gives up a read, and does
 * not count the bytes that it no longer sends. Each chunk fills 16 frames of siamux exactly, so a sector takes 977
 * frames, as many as from the public server. If each chunk ended in a partial frame, a sector would take more than 999
 * frames. A client that has cancelled a read tolerates 977 frames that still arrive, but more than 999 would end its
 * connection.
 */
const SEND_BYTES = 16 * 4296;

/**
 * Follows the public server's order: check the request, check that the sector exists (free of charge), debit the
 * account, send the data.
 */
export async function serveReadSector(host: HostState, stream: RpcStream): Promise<void> {
  const request = await readRequest(stream, READ_SECTOR_REQUEST_BYTES, decodeReadSectorRequest);
  const flaw = paymentFlaw(host, request) ?? rangeFlaw(request);
  if (flaw !== undefined) throw new Refused(invalidRequest(flaw));
  requireSector(host, request.root);
  charge(host, request, readSectorCost(request.prices, request.length));
  const { data, proof } = await proveRange(host, request.root, request.offset, request.length);
  await stream.write(encodeReadSectorResponseHead(proof, data.length));
  await sendData(host, stream, data);
}

function rangeFlaw({ offset, length }: ReadSectorRequest): string | undefined {
  if (length === 0) return "length must be greater than 0";
  if (offset > SECTOR_BYTES || length > SECTOR_BYTES - offset) return "read request exceeds sector bounds";
  if ((offset + length) % LEAF_BYTES !== 0) return "read request must be segment aligned";
  return undefined;
}

async function sendData(host: HostState, stream: RpcStream, data: Uint8Array): Promise<void> {
  for (let sent = 0; sent < data.length; ) {
    const stallAt = host.switches.current.stallsReadsAfterBytes;
    if (stallAt !== null && sent >= stallAt) {
      const goesOn = ({ stallsReadsAfterBytes: now }: HostSwitches) => now === null || now > sent;
      if ((await host.switches.until(goesOn, stream.whenPeerCloses)) === "ended") return;
      continue;
    }
    const lump = data.subarray(sent, Math.min(sent + SEND_BYTES, stallAt ?? data.length));
    await stream.write(lump);
    sent += lump.length;
    host.tally.bytesRead += lump.length;
  }
}
