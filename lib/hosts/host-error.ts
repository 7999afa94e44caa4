import { SlabmendError } from "../errors/slabmend-error.ts";
import { PriceTableError, ProtocolError } from "../rhp4/errors.ts";
import { RpcError, type RpcErrorCode } from "../rhp4/rpc-error.ts";
import { HandshakeError, type MuxClosedCode, MuxClosedError, StreamError } from "../siamux/siamux-error.ts";
import type { HostKey } from "../slab/ids.ts";

/** What a failed request to a host means for the repair. */
interface Meaning {
  /** The host said that it lost the sector: true for exactly two codes. */
  readonly meansLost: boolean;
  /** The host is to blame, so its score suffers. */
  readonly isHostFault: boolean;
  /** The host rejects the request as wrong: if many hosts do, the fault is ours. */
  readonly blamesUs: boolean;
  /** Another host may well succeed. */
  readonly retryElsewhere: boolean;
  readonly remedy: string;
}

const fault = (remedy: string): Meaning => ({
  meansLost: false,
  isHostFault: true,
  blamesUs: false,
  retryElsewhere: true,
  remedy,
});
const noFault = (remedy: string): Meaning => ({
  meansLost: false,
  isHostFault: false,
  blamesUs: false,
  retryElsewhere: true,
  remedy,
});

const MEANINGS = {
  unreachable: fault("Use another host."),
  "network-unreachable": noFault(
    "Use another host, or give this machine a route to the host's address family.",
  ),
  "address-refused": fault("Use another host; allow private addresses only where the hosts are your own."),
  "handshake-failed": fault(
    "Use another host: this one does not hold its announced key, or does not speak siamux v3.",
  ),
  "connection-lost": fault("Use another host, or ask again over a new connection."),
  "protocol-violation": {
    ...fault("Use another host; if this happens with every host, slabmend's codec is wrong."),
    blamesUs: true,
  },
  "timed-out": fault("Use another host."),
  aborted: {
    meansLost: false,
    isHostFault: false,
    blamesUs: false,
    retryElsewhere: false,
    remedy: "Nothing: the caller cancelled the request.",
  },
  "sector-not-found": { ...noFault("Record the sector as lost and rebuild it."), meansLost: true },
  "sector-corrupt": { ...noFault("Record the sector as lost and rebuild it."), meansLost: true },
  "contract-not-found": noFault(
    "Use another host: this one does not know the contract, which may have ended.",
  ),
  "not-enough-storage": fault("Store the sector on another host."),
  "not-enough-funds": noFault("Use another host, or wait until indexd has funded the account on this one."),
  "too-expensive": noFault("Use another host: this one's price is above our present limit."),
  "cost-limit": noFault("Raise SLABMEND_MAX_SIACOINS_PER_REPAIR if a repair may cost more."),
  "prices-expired": {
    ...fault("Use another host; if all report this, this machine's clock is wrong."),
    blamesUs: true,
  },
  "token-expired": {
    ...noFault("Use another host; if all report this, set this machine's clock: it is minutes behind."),
    blamesUs: true,
  },
  "bad-signature": fault("Use another host: this one does not hold its announced key."),
  "host-shutting-down": fault("Use another host for some minutes."),
  "host-internal": fault("Use another host; this one may recover."),
  "host-refused": {
    ...noFault("See the host's message in the cause: most likely our request was wrong."),
    blamesUs: true,
  },
} satisfies Record<string, Meaning>;

export type HostErrorCode = keyof typeof MEANINGS;

export const HOST_ERROR_CODES = Object.keys(MEANINGS) as readonly HostErrorCode[];

/** Thrown for every failed request to a host. Any other error of a host pool is a bug. */
export class HostError extends SlabmendError<HostErrorCode> {
  readonly hostKey: HostKey;

  constructor(hostKey: HostKey, code: HostErrorCode, what: string, cause?: unknown) {
    super({
      code,
      message: `host ${hostKey}: ${what}`,
      remedy: MEANINGS[code].remedy,
      details: { hostKey },
      ...(cause === undefined ? {} : { cause }),
    });
    this.hostKey = hostKey;
  }

  get meansLost(): boolean {
    return MEANINGS[this.code].meansLost;
  }

  get isHostFault(): boolean {
    return MEANINGS[this.code].isHostFault;
  }

  get blamesUs(): boolean {
    return MEANINGS[this.code].blamesUs;
  }

  get retryElsewhere(): boolean {
    return MEANINGS[this.code].retryElsewhere;
  }
}

const OF_RPC_ERROR: Readonly<Record<RpcErrorCode, HostErrorCode>> = {
  "sector-not-found": "sector-not-found",
  "sector-corrupt": "sector-corrupt",
  "not-enough-storage": "not-enough-storage",
  "host-shutting-down": "host-shutting-down",
  "host-internal": "host-internal",
  "host-error": "host-internal",
  "contract-not-found": "contract-not-found",
  "not-enough-funds": "not-enough-funds",
  "payment-refused": "host-refused",
  "prices-expired": "prices-expired",
  "prices-signature-refused": "prices-expired",
  "token-expired": "token-expired",
  "token-for-other-host": "host-refused",
  "token-signature-refused": "host-refused",
  "rpc-unknown": "host-refused",
  "request-refused": "host-refused",
  "request-undecodable": "host-refused",
  "error-code-unknown": "protocol-violation",
};

/** A connection to an honest host can end in these ways. Any other end is a protocol violation. */
const ORDINARY_ENDS: ReadonlySet<MuxClosedCode> = new Set([
  "closed-locally",
  "destroyed",
  "closed-by-peer",
  "connection-failed",
  "truncated-packet",
  "inactive",
  "silent",
] satisfies MuxClosedCode[]);

/**
 * Classifies a failure of a call, a stream, a connection or a handshake. Undefined for any other error, which is a bug.
 */
export function hostErrorFrom(hostKey: HostKey, error: unknown): HostError | undefined {
  if (error instanceof HostError) return error;
  const as = (code: HostErrorCode) => new HostError(hostKey, code, (error as Error).message, error);
  if (error instanceof RpcError) return as(OF_RPC_ERROR[error.code]);
  if (error instanceof ProtocolError) return as("protocol-violation");
  if (error instanceof PriceTableError) {
    return as(error.code === "bad-price-signature" ? "bad-signature" : "prices-expired");
  }
  if (error instanceof HandshakeError) {
    return as(error.code === "handshake-connection-lost" ? "unreachable" : "handshake-failed");
  }
  if (error instanceof MuxClosedError) {
    return as(ORDINARY_ENDS.has(error.code) ? "connection-lost" : "protocol-violation");
  }
  if (error instanceof StreamError && error.code !== "read-in-progress" && error.code !== "stream-closed") {
    return as(error.code === "stream-overflow" ? "protocol-violation" : "connection-lost");
  }
  return undefined;
}
