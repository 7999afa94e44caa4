import { readSectorCost, writeSectorCost } from "../rhp4/costs.ts";
import type { HostPrices } from "../rhp4/host-prices.ts";
import type { Payment } from "../rhp4/payment.ts";
import { type RangeRequest, type ReadSectorResult, readSector } from "../rhp4/read-sector.ts";
import type { RpcStream } from "../rhp4/rpc-stream.ts";
import { type WriteSectorResult, writeSector } from "../rhp4/write-sector.ts";
import type { Direction } from "./score-board.ts";

/** One RPC paid from our account, ready to run on a stream. */
export interface PaidRpc<Request, Result extends object> {
  readonly direction: Direction;
  readonly lengthBytes: number;
  cost(prices: HostPrices): bigint;
  readonly request: Request;
  /**
   * @param mayCharge called when the host may charge: it has received, or is about to receive, everything that it
   * charges for
   */
  readonly run: (
    stream: RpcStream,
    payment: Payment,
    request: Request,
    mayCharge: () => void,
  ) => Promise<Result>;
}

/**
 * Reads a range of a sector into `request.into`, without verifying the data: see `readSector`. `into` is not written to
 * after the call has settled. If the call rejects, the content of `into` is undefined.
 */
export function rangeRead(request: RangeRequest): PaidRpc<RangeRequest, ReadSectorResult> {
  const lengthBytes = request.into.length;
  const cost = (prices: HostPrices): bigint => readSectorCost(prices, lengthBytes);
  return { direction: "read", lengthBytes, cost, request, run: readSector };
}

/**
 * Writes a sector, which must not change until the call has settled. The root in the result is only the host's claim:
 * compare it with your own.
 */
export function sectorWrite(data: Uint8Array): PaidRpc<Uint8Array, WriteSectorResult> {
  const cost = (prices: HostPrices): bigint => writeSectorCost(prices, data.length);
  return { direction: "write", lengthBytes: data.length, cost, request: data, run: writeSector };
}
