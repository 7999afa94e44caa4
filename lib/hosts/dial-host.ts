import type { Clock } from "../clock/clock.ts";
import { createDnsLookup, type ResolveName } from "../network/resolve-name.ts";
import { dialMux } from "../siamux/establish-mux.ts";
import { HandshakeError } from "../siamux/siamux-error.ts";
import { type ConnectEndpoint, connectTcp, isOwnNetworkFailure } from "./connect-endpoint.ts";
import { withinLimits } from "./deadline.ts";
import { type Endpoint, findEndpoints } from "./endpoints.ts";
import { hedge } from "./hedge.ts";
import type { HostConnection, HostDialer, HostTarget } from "./host-dialer.ts";
import { HostError, hostErrorFrom } from "./host-error.ts";

export interface DialerOptions {
  readonly clock: Clock;
  readonly allowPrivateAddresses: boolean;
  readonly resolveName?: ResolveName;
  readonly connectEndpoint?: ConnectEndpoint;
  /** Default: 15 s. */
  readonly maxSilenceMs?: number;
}

/** Time limit for name resolution, TCP connection and handshake together, the same as in indexd. */
const CONNECT_BUDGET_MS = 10_000;
const MAX_DIALS_AT_ONCE = 2;
/** RFC 8305, section 5: how long to wait for the first address before the second is tried in parallel. */
const SECOND_DIAL_AFTER_MS = 250;
/**
 * Requested bytes are taken as soon as they arrive, so only the bytes of one turn of the event loop can be unread: one
 * socket read, 128 KiB. If more bytes than this limit are unread, the host has sent more than was requested, and the
 * stream fails.
 */
const MAX_BUFFERED_BYTES = 524_288;
/**
 * If we wait for a host, and for 15 to 20 s it neither sends a byte nor accepts one, its connection is closed. A host
 * needs less time to answer, even with a slow disk, and a line of 1 Mbit/s empties the kernel's send buffer in that
 * time.
 */
const MAX_SILENCE_MS = 15_000;

/**
 * The production dialer: resolves each name once and dials two addresses at a time, private ones only if
 * `allowPrivateAddresses` is set. siamux proves the host's key.
 */
export function createHostDialer(options: DialerOptions): HostDialer {
  const { clock, allowPrivateAddresses } = options;
  const resolveName = options.resolveName ?? createDnsLookup();
  const connectEndpoint = options.connectEndpoint ?? connectTcp;

  const dialEndpoint = async (host: HostTarget, endpoint: Endpoint, signal: AbortSignal) => {
    const socket = await connectEndpoint(endpoint, signal);
    return dialMux(socket, host.hostKey, {
      signal,
      maxBufferedBytes: MAX_BUFFERED_BYTES,
      maxSilenceMs: options.maxSilenceMs ?? MAX_SILENCE_MS,
    });
  };

  const dial: HostDialer = async (host, signal) => {
    const candidates = await findEndpoints(host, { resolveName, allowPrivateAddresses }, signal);
    const dialled: HostConnection[] = [];
    const result = await hedge({
      candidates,
      needed: 1,
      maxConcurrent: MAX_DIALS_AT_ONCE,
      intervalMs: () => SECOND_DIAL_AFTER_MS,
      clock,
      signal,
      attempt: async (endpoint, attemptSignal) => {
        dialled.push(await dialEndpoint(host, endpoint, attemptSignal));
      },
    });
    // Close connections that are not needed: two handshakes can end at the same moment, or a handshake can end just
    // when the signal aborts.
    const keep = result.kind === "enough" ? dialled.shift() : undefined;
    for (const spare of dialled) spare.close();
    signal.throwIfAborted();
    if (keep) return keep;
    throw dialError(host, result.failures);
  };

  return (host, signal) =>
    withinLimits(
      {
        clock,
        deadlineMs: CONNECT_BUDGET_MS,
        signals: [signal],
        onDeadline: () =>
          new HostError(host.hostKey, "unreachable", `no connection within ${CONNECT_BUDGET_MS} ms`),
        onAbort: (reason) => new HostError(host.hostKey, "aborted", "the dial was cancelled", reason),
      },
      (limited) => dial(host, limited),
    );
}

/**
 * The error of a dial that failed at all addresses. If the host answered at one of them with a wrong handshake, that
 * failure becomes the error, because it says more than an address that did not answer. Otherwise all failures are
 * listed.
 */
function dialError(
  host: HostTarget,
  failures: readonly { readonly source: Endpoint; readonly cause: unknown }[],
): HostError {
  const shake = failures.find(
    ({ cause }) => cause instanceof HandshakeError && cause.code !== "handshake-connection-lost",
  );
  const told = shake && hostErrorFrom(host.hostKey, shake.cause);
  if (told) return told;
  const tried = failures.map(
    ({ source, cause }) => `${source.ip} port ${source.port}: ${shortReason(cause)}`,
  );
  const code = failures.every(({ cause }) => isOwnNetworkFailure(cause))
    ? "network-unreachable"
    : "unreachable";
  return new HostError(host.hostKey, code, `no connection (${tried.join("; ")})`, failures[0]?.cause);
}

function shortReason(cause: unknown): string {
  if (cause instanceof Error && "code" in cause) return String(cause.code);
  return cause instanceof Error ? cause.message : "failed";
}
