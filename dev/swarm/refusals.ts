import { WIRE_ERROR, type WireError } from "../../lib/rhp4/rpc-error.ts";

/**
 * A host's refusals: code and text exactly as in the public Go server, because clients match on them. docs/protocol.md#rhp4-errors.
 */

export const SECTOR_NOT_FOUND: WireError = { code: WIRE_ERROR.host, description: "sector not found" };
export const SECTOR_CORRUPT: WireError = { code: WIRE_ERROR.host, description: "sector corrupt" };
export const CONTRACT_NOT_FOUND: WireError = { code: WIRE_ERROR.host, description: "contract not found" };
export const NOT_ENOUGH_STORAGE: WireError = { code: WIRE_ERROR.host, description: "not enough storage" };
export const HOST_SHUTTING_DOWN: WireError = { code: WIRE_ERROR.host, description: "host is shutting down" };
export const INTERNAL_ERROR: WireError = { code: WIRE_ERROR.host, description: "internal error" };
export const NOT_ENOUGH_FUNDS: WireError = { code: WIRE_ERROR.payment, description: "not enough funds" };
export const UNRECOGNIZED_RPC: WireError = { code: WIRE_ERROR.badRequest, description: "unrecognized RPC" };

/** Go formats an RPC error as `text (code)`; a bad request contains the reason in this format. */
export function badRequest(reason: string): WireError {
  return { code: WIRE_ERROR.badRequest, description: `${reason} (${WIRE_ERROR.badRequest})` };
}

/** Reads and writes wrap the reason once more than other RPCs. */
export function invalidRequest(reason: string): WireError {
  return badRequest(`request invalid: ${reason}`);
}

export function undecodable(what: "request" | "sector data", reason: string): WireError {
  return { code: WIRE_ERROR.decoding, description: `failed to read ${what}: ${reason}` };
}

/** Thrown by an RPC's handler; the stream's server turns it into a response. */
export class Refused extends Error {
  readonly refusal: WireError;

  constructor(refusal: WireError) {
    super(refusal.description);
    this.name = "Refused";
    this.refusal = refusal;
  }
}
