import { SlabmendError } from "../errors/slabmend-error.ts";

/** The errors that a host may answer with, by meaning; docs/protocol.md#rhp4-errors. */
export type RpcErrorCode =
  | "sector-not-found"
  | "sector-corrupt"
  | "not-enough-storage"
  | "host-shutting-down"
  | "host-internal"
  | "contract-not-found"
  | "host-error"
  | "not-enough-funds"
  | "payment-refused"
  | "prices-expired"
  | "prices-signature-refused"
  | "token-expired"
  | "token-for-other-host"
  | "token-signature-refused"
  | "rpc-unknown"
  | "request-refused"
  | "request-undecodable"
  | "error-code-unknown";

/** The codes on the wire. Honest hosts never send the codes 1 and 6, which are for the client's own use. */
export const WIRE_ERROR = { host: 2, badRequest: 3, decoding: 4, payment: 5 } as const;

/** The error as sent on the wire. */
export interface WireError {
  readonly code: number;
  readonly description: string;
}

/** Thrown if the host answered with an error. The connection can still be used. */
export class RpcError extends SlabmendError<RpcErrorCode> {
  readonly wire: WireError;

  constructor(code: RpcErrorCode, wire: WireError) {
    // The host chose this text, so it is cut and reduced to one printable line.
    const said = wire.description.replace(/[^\x20-\x7e]+/g, "?").slice(0, 200);
    super({
      code,
      message: `the host answered ${code} (code ${wire.code}: ${JSON.stringify(said)})`,
      remedy: REMEDIES[code],
      details: { wireCode: wire.code },
    });
    this.wire = wire;
  }
}

const REMEDIES: Readonly<Record<RpcErrorCode, string>> = {
  "sector-not-found": "The host does not have the sector: rebuild it on another host.",
  "sector-corrupt": "The host has lost the sector: rebuild it on another host.",
  "not-enough-storage": "Store the sector on another host.",
  "host-shutting-down": "Use another host for some minutes.",
  "host-internal": "Use another host; this one may recover.",
  "contract-not-found": "The host does not know the contract, which may have ended.",
  "host-error": "Use another host; this one may recover.",
  "not-enough-funds": "Wait until indexd funds the account on this host, or use another host.",
  "payment-refused": "Use another host.",
  "prices-expired":
    "Fetch the prices again and retry once; if that fails too, the clock of the host or of this machine is wrong.",
  "prices-signature-refused": "Fetch the prices again; if that fails too, use another host.",
  "token-expired": "This machine's clock is minutes behind the host's: correct it.",
  "token-for-other-host": "This is a bug: a token was used with a host that it was not made for.",
  "token-signature-refused": "This is a bug, or the migration seed does not belong to the account.",
  "rpc-unknown": "The host does not offer this RPC: use another host.",
  "request-refused": "This is probably a bug in slabmend's request: read the host's text.",
  "request-undecodable":
    "This is probably a bug in slabmend's codec, or the stream was cut off: read the host's text.",
  "error-code-unknown": "The host uses a protocol that slabmend does not know: use another host.",
};

/**
 * Errors with the codes 2 and 5 carry a short text of the host. The text is compared as a whole, as indexd compares it:
 * two of the texts deny the sector, and a longer text that merely contains the same words must not count as a denial.
 */
const EXACT: Readonly<Record<number, Readonly<Record<string, RpcErrorCode>>>> = {
  [WIRE_ERROR.host]: {
    "sector not found": "sector-not-found",
    "sector corrupt": "sector-corrupt",
    "not enough storage": "not-enough-storage",
    "host is shutting down": "host-shutting-down",
    "internal error": "host-internal",
    "contract not found": "contract-not-found",
  },
  [WIRE_ERROR.payment]: { "not enough funds": "not-enough-funds" },
};

/**
 * With code 3, each RPC wraps the text of the inner error differently, so only a part of the text is compared. The
 * first match wins.
 */
const BAD_REQUEST_PARTS: readonly (readonly [part: string, code: RpcErrorCode])[] = [
  ["prices are invalid: prices expired", "prices-expired"],
  ["prices are invalid: invalid signature", "prices-signature-refused"],
  ["account token expired", "token-expired"],
  ["host key mismatch", "token-for-other-host"],
  ["token is invalid: invalid signature", "token-signature-refused"],
  ["unrecognized RPC", "rpc-unknown"],
  ["prices expired", "prices-expired"],
];

const OTHERWISE: Readonly<Record<number, RpcErrorCode>> = {
  [WIRE_ERROR.host]: "host-error",
  [WIRE_ERROR.badRequest]: "request-refused",
  [WIRE_ERROR.decoding]: "request-undecodable",
  [WIRE_ERROR.payment]: "payment-refused",
};

export function classifyWireError(wire: WireError): RpcErrorCode {
  const exact = EXACT[wire.code];
  if (exact && Object.hasOwn(exact, wire.description)) return exact[wire.description]!;
  if (wire.code === WIRE_ERROR.badRequest) {
    const found = BAD_REQUEST_PARTS.find(([part]) => wire.description.includes(part));
    if (found) return found[1];
  }
  return OTHERWISE[wire.code] ?? "error-code-unknown";
}

export function rpcErrorFromWire(wire: WireError): RpcError {
  return new RpcError(classifyWireError(wire), wire);
}
