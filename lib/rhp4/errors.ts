import { SlabmendError } from "../errors/slabmend-error.ts";

/** The host violated the protocol: nothing more on this connection can be trusted. */
export type ProtocolErrorCode =
  | "malformed-message"
  | "message-too-long"
  | "wrong-data-length"
  | "wrong-proof-length"
  | "early-response";

/** Thrown when the peer's bytes violate the protocol. */
export class ProtocolError extends SlabmendError<ProtocolErrorCode> {
  constructor(code: ProtocolErrorCode, message: string, details?: Readonly<Record<string, string | number>>) {
    super({
      code,
      message,
      remedy:
        "Drop the connection and use another host; if it happens with every host, slabmend's codec is wrong.",
      ...(details ? { details } : {}),
    });
  }
}

export type PriceTableErrorCode = "bad-price-signature" | "price-table-expired";

/** Thrown for a price table that fails verification, before any payment at its prices. */
export class PriceTableError extends SlabmendError<PriceTableErrorCode> {
  constructor(code: PriceTableErrorCode, message: string) {
    super({
      code,
      message,
      remedy:
        code === "bad-price-signature"
          ? "Use another host: this one does not have the private key that it announced."
          : "Fetch the prices again; if the new ones are expired too, the clock of the host or of this machine is wrong.",
    });
  }
}

/** Thrown before anything is sent, for a request that no host can serve: a bug in the caller. */
export class InvalidRequestError extends SlabmendError<"invalid-request"> {
  constructor(message: string) {
    super({ code: "invalid-request", message, remedy: "This is a bug in the caller: correct the request." });
  }
}
