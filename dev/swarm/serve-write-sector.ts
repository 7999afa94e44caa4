import { TEMPORARY_SECTOR_BLOCKS, writeSectorCost } from "../../lib/rhp4/costs.ts";
import type { RpcStream } from "../../lib/rhp4/rpc-stream.ts";
import {
  decodeWriteSectorRequest,
  encodeWriteSectorResponse,
  WRITE_SECTOR_REQUEST_BYTES,
} from "../../lib/rhp4/write-sector.ts";
import { hexOf, parseRoot, type Root } from "../../lib/slab/ids.ts";
import { LEAF_BYTES, SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { charge, paymentFlaw } from "./check-payment.ts";
import type { HostState } from "./host-state.ts";
import type { HostSwitches } from "./host-switches.ts";
import { readRequest } from "./read-request.ts";
import { invalidRequest, NOT_ENOUGH_STORAGE, Refused } from "./refusals.ts";
import { laterHeight } from "./sector-store.ts";
import { buildSectorTree, type SectorTree, treeRoot } from "./sector-tree.ts";

/**
 * Data is received in chunks of this size. Switches that act after a number of bytes are looked at between two chunks.
 */
const TAKE_BYTES = 64 * 1024;

/**
 * Follows the public server's order: check the request, receive all the data, debit the account, hash the sector, store
 * it. So a host that is full notices this only after the debit.
 */
export async function serveWriteSector(host: HostState, stream: RpcStream): Promise<void> {
  const request = await readRequest(stream, WRITE_SECTOR_REQUEST_BYTES, decodeWriteSectorRequest);
  const flaw = paymentFlaw(host, request) ?? lengthFlaw(request.dataLength);
  if (flaw !== undefined) throw new Refused(invalidRequest(flaw));
  const dataLength = Number(request.dataLength);

  // The buffer always holds a whole sector, because the host pads short data with zeros.
  const sector = dataLength === SECTOR_BYTES ? Buffer.allocUnsafe(SECTOR_BYTES) : Buffer.alloc(SECTOR_BYTES);
  await takeData(host, stream, sector.subarray(0, dataLength));
  charge(host, request, writeSectorCost(request.prices, dataLength));
  const tree = buildSectorTree(host.hasher, sector);
  const root = parseRoot(hexOf(treeRoot(tree)));
  const tipHeight = laterHeight(host.tipHeight, request.prices.tipHeight);
  const answer = await keep(host, { root, sector, tree }, tipHeight + BigInt(TEMPORARY_SECTOR_BLOCKS));
  await stream.write(encodeWriteSectorResponse(answer));
}

function lengthFlaw(dataLength: bigint): string | undefined {
  if (dataLength === 0n) return "sector must not be empty";
  if (dataLength % BigInt(LEAF_BYTES) !== 0n) return "sector must be segment aligned";
  if (dataLength > BigInt(SECTOR_BYTES)) return "sector exceeds sector bounds";
  return undefined;
}

async function takeData(host: HostState, stream: RpcStream, target: Uint8Array): Promise<void> {
  for (let taken = 0; taken < target.length; ) {
    const { stallsWritesAfterBytes: stallAt, refusesWritesEarly: refusal } = host.switches.current;
    if (refusal !== null && taken >= refusal.afterBytes) throw new Refused(refusal);
    if (stallAt !== null && taken >= stallAt) {
      const goesOn = ({ stallsWritesAfterBytes: now }: HostSwitches) => now === null || now > taken;
      // If the stream has ended, the read below fails.
      if ((await host.switches.until(goesOn, stream.whenPeerCloses)) === "holds") continue;
    }
    const pause = Math.min(
      stallAt ?? Number.POSITIVE_INFINITY,
      refusal?.afterBytes ?? Number.POSITIVE_INFINITY,
    );
    const lump = target.subarray(taken, Math.min(taken + TAKE_BYTES, pause > taken ? pause : target.length));
    await stream.readInto(lump);
    taken += lump.length;
    host.tally.bytesWritten += lump.length;
  }
}

/** Stores the sector, with the faults that the switches demand. Returns the root that the host answers. */
async function keep(
  host: HostState,
  { root, sector, tree }: { readonly root: Root; readonly sector: Uint8Array; readonly tree: SectorTree },
  expirationHeight: bigint,
): Promise<Root> {
  const { full, liesAboutRoots, forgetsWrites } = host.switches.current;
  if (full) throw new Refused(NOT_ENOUGH_STORAGE);
  if (liesAboutRoots) return parseRoot(hexOf(treeRoot(host.decoy().tree)));
  if (forgetsWrites) return root;
  if (!host.sectors.has(root) && host.sectors.count >= host.capacitySectors)
    throw new Refused(NOT_ENOUGH_STORAGE);
  await host.sectors.store(root, sector, tree, expirationHeight);
  host.tally.sectorsStored++;
  return root;
}
