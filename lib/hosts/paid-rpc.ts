import { readSectorCost, writeSectorCost } from "../rhp4/costs.ts";
import type { HostPrices } from "../rhp4/host-prices.ts";
import type { Payment } from "../rhp4/payment.ts";
import { readSector } from "../rhp4/read-sector.ts";
import type { RpcStream } from "../rhp4/rpc-stream.ts";
import { writeSector } from "../rhp4/write-sector.ts";
import type { Root } from "../slab/ids.ts";
import type { Direction } from "./score-board.ts";

/** One RPC paid from our account, ready to run on a stream. */
export interface PaidRpc<Result extends object> {
  readonly direction: Direction;
  readonly lengthBytes: number;
  cost(prices: HostPrices): bigint;
  /** @param mayCharge call it once the host may charge: when it has, or is about to receive, everything that it charges for */
  run(stream: RpcStream, payment: Payment, mayCharge: () => void): Promise<Result>;
}

/**
 * Reads `into.length` bytes at `offset`. The data is not verified (lib/rhp4/read-sector.ts). `into` is not written to after
 * the call has settled; after a rejection its content is undefined.
 */
export function rangeRead(request: {
  readonly root: Root;
  /** A multiple of 64, like the length. */
  readonly offset: number;
  readonly into: Uint8Array;
}): PaidRpc<{ readonly proof: readonly Uint8Array[] }> {
  const length = request.into.length;
  return {
    direction: "read",
    lengthBytes: length,
    cost: (prices) => readSectorCost(prices, length),
    run: (stream, payment, mayCharge) => {
      // A host may charge for a read as soon as it has received the request.
      mayCharge();
      return readSector(stream, { ...request, length, ...payment });
    },
  };
}

/** Writes a sector, which must not change until the call has settled. The root is the host's claim: compare it. */
export function sectorWrite(data: Uint8Array): PaidRpc<{ readonly root: Root }> {
  return {
    direction: "write",
    lengthBytes: data.length,
    cost: (prices) => writeSectorCost(prices, data.length),
    // A host charges nothing for an incomplete sector.
    run: (stream, payment, mayCharge) => writeSector(stream, { ...payment, data, onSent: mayCharge }),
  };
}
