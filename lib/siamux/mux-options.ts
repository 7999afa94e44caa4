import { randomBytes } from "node:crypto";
import type { MuxClock, MuxOptions } from "./mux.ts";
import type { Role } from "./packet-cipher.ts";
import { DEFAULT_MAX_TIMEOUT_MS, DEFAULT_PACKET_BYTES, SECTOR_WITH_FRAMING_BYTES } from "./wire-format.ts";

/** The limit of Sia's own client and server. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** The protocol allows a million streams, and each may hold a sector in memory; a repair worker opens only a few. */
const ACCEPTOR_MAX_PEER_STREAMS = 1_024;

/** Hosts open no streams in RHP4. */
const DIALER_MAX_PEER_STREAMS = 0;

const systemClock: MuxClock = {
  now: () => performance.now(),
  startTimer(callback, delayMs) {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

export type ResolvedMuxOptions = Required<Omit<MuxOptions, "signal" | "maxSilenceMs">> & {
  readonly signal: AbortSignal | undefined;
  readonly maxSilenceMs: number | undefined;
};

export function resolveMuxOptions(options: MuxOptions, role: Role): ResolvedMuxOptions {
  return {
    signal: options.signal,
    maxSilenceMs: options.maxSilenceMs,
    handshakeTimeoutMs: options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
    clock: options.clock ?? systemClock,
    randomBytes: options.randomBytes ?? randomBytes,
    packetSizeBytes: options.packetSizeBytes ?? DEFAULT_PACKET_BYTES,
    maxTimeoutMs: options.maxTimeoutMs ?? DEFAULT_MAX_TIMEOUT_MS,
    maxBufferedBytes: options.maxBufferedBytes ?? SECTOR_WITH_FRAMING_BYTES,
    maxPeerStreams:
      options.maxPeerStreams ?? (role === "dialer" ? DIALER_MAX_PEER_STREAMS : ACCEPTOR_MAX_PEER_STREAMS),
  };
}
