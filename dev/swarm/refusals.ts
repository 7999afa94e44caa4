import { WIRE_ERROR, type WireError } from "../../lib/rhp4/rpc-error.ts";

/**
 * A host's refusals. Code and text are exactly those of the public Go server, because clients compare them.
 * docs/protocol.md#rhp4-errors.
 */

export const SECTOR_NOT_FOUND: WireError = { code: WIRE_ERROR.host, description: "sector not found" };
export const SECTOR_CORRUPT: WireError = { code: WIRE_ERROR.host, description: "sector corrupt" };
export const CONTRACT_NOT_FOUND: WireError = { code: WIRE_ERROR.host, description: "contract not found" };
export const NOT_ENOUGH_STORAGE: WireError = { code: WIRE_ERROR.host, description: "not enough storage" };
export const HOST_SHUTTING_DOWN: WireError = { code: WIRE_ERROR.host, description: "host is shutting down" };
export const INTERNAL_ERROR: WireError = { code: WIRE_ERROR.host, description: "internal error" };
export const NOT_ENOUGH_FUNDS: WireError = { code: WIRE_ERROR.payment, description: "not enough funds" };
export const UNRECOGNIZED_RPC: WireError = { code: WIRE_ERROR.badRequest, description: "unrecognized RPC" };

/**
 * The Go server formats an RPC error as `text (code)`. For a bad request the whole `text (code)` is the description;
 * its text is the reason of the refusal.
 */
export function badRequest(reason: string): WireError {
  return { code: WIRE_ERROR.badRequest, description: `${reason} (${WIRE_ERROR.badRequest})` };
}

/** Only for reads and writes the server puts `request invalid: ` before the reason. */
export function invalidRequest(reason: string): WireError {
  return badRequest(`request invalid: ${reason}`);
}

export function undecodable(what: "request" | "sector data", reason: string): WireError {
  return { code: WIRE_ERROR.decoding, description: `failed to read ${what}: ${reason}` };
}

/** Thrown by the handler of an RPC to refuse it; `serveStream` turns the error into a response. */
export class Refused extends Error {
  readonly refusal: WireError;

  constructor(refusal: WireError) {
    super(refusal.description);
    this.name = "Refused";
    this.refusal = refusal;
  }
}
