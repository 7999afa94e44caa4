import { SlabmendError } from "../errors/slabmend-error.ts";

/** The host broke the protocol: nothing more on this connection can be trusted. */
export type ProtocolErrorCode =
  | "malformed-message"
  | "message-too-long"
  | "wrong-data-length"
  | "wrong-proof-length"
  | "early-response";

/** Thrown when bytes from the peer cannot be what the protocol allows. */
export class ProtocolError extends SlabmendError<ProtocolErrorCode> {
  constructor(code: ProtocolErrorCode, message: string, details?: Readonly<Record<string, string | number>>) {
    super({
      code,
      message,
      remedy: "Drop the connection and use another host; if every host does it, our codec is wrong.",
      ...(details ? { details } : {}),
    });
  }
}

export type PriceTableErrorCode = "bad-price-signature" | "price-table-expired";

/** Thrown when a host's price table does not verify, before anything is paid with it. */
export class PriceTableError extends SlabmendError<PriceTableErrorCode> {
  constructor(code: PriceTableErrorCode, message: string) {
    super({
      code,
      message,
      remedy:
        code === "bad-price-signature"
          ? "Use another host: this one does not hold its announced key."
          : "Fetch the prices again; if fresh ones are expired too, a clock is wrong, perhaps ours.",
    });
  }
}

/** Thrown before anything is sent when a caller asks for what no host can serve: a bug of the caller. */
export class InvalidRequestError extends SlabmendError<"invalid-request"> {
  constructor(message: string) {
    super({ code: "invalid-request", message, remedy: "A bug in the caller: correct the request." });
  }
}
