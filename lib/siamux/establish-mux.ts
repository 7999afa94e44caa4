import type { KeyObject } from "node:crypto";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type HostKey, idBytes } from "../slab/ids.ts";
import { MuxConnection } from "./connection.ts";
import type { ConnectionSettings } from "./connection-settings.ts";
import { acceptHandshake, dialHandshake } from "./handshake.ts";
import { type HandshakeTransport, withHandshakeTransport } from "./handshake-transport.ts";
import type { Mux, MuxOptions } from "./mux.ts";
import { type ResolvedMuxOptions, resolveMuxOptions } from "./mux-options.ts";
import { ed25519PublicKey, type OneTimeKey, oneTimeKey } from "./one-time-key.ts";
import { PUBLIC_KEY_BYTES } from "./wire-format.ts";

/**
 * Takes over a transport as the dialer: makes the peer prove that it holds `hostKey`'s private key, then opens a
 * connection.
 * Throws HandshakeError; the transport is then destroyed. Takes one round trip on a connected transport. A transport
 * that is still connecting may be passed too; the time for connecting then counts towards the handshake's limit.
 */
export async function dialMux(duplex: Duplex, hostKey: HostKey, options: MuxOptions = {}): Promise<Mux> {
  const resolved = resolveMuxOptions(options, "dialer");
  const { cipher, settings, tail } = await runHandshake(duplex, resolved, (transport, ours) =>
    dialHandshake(transport, { ...ours, hostKey: ed25519PublicKey(idBytes(hostKey)) }),
  );
  return new MuxConnection({
    duplex,
    role: "dialer",
    cipher,
    settings,
    options: resolved,
    handshakeTail: tail,
  });
}

/** Takes over a transport as the acceptor. Throws HandshakeError, like dialMux. `identity`: an Ed25519 private key. */
export async function acceptMux(duplex: Duplex, identity: KeyObject, options: MuxOptions = {}): Promise<Mux> {
  const resolved = resolveMuxOptions(options, "acceptor");
  const { cipher, settings } = await runHandshake(duplex, resolved, (transport, ours) =>
    acceptHandshake(transport, { ...ours, identity }),
  );
  return new MuxConnection({
    duplex,
    role: "acceptor",
    cipher,
    settings,
    options: resolved,
    handshakeTail: undefined,
  });
}

function runHandshake<Result>(
  duplex: Duplex,
  options: ResolvedMuxOptions,
  handshake: (
    transport: HandshakeTransport,
    ours: { oneTimeKey: OneTimeKey; settings: ConnectionSettings },
  ) => Promise<Result>,
): Promise<Result> {
  const { packetSizeBytes, maxTimeoutMs } = options;
  // A batch is written in one piece, so Nagle's algorithm would save no segment. The algorithm would only hold back
  // the batch's last segment, so each RPC would wait for a delayed acknowledgement.
  if (duplex instanceof Socket) duplex.setNoDelay(true);
  const limits = { clock: options.clock, timeoutMs: options.handshakeTimeoutMs, signal: options.signal };
  return withHandshakeTransport(duplex, limits, (transport) =>
    handshake(transport, {
      oneTimeKey: oneTimeKey(options.randomBytes(PUBLIC_KEY_BYTES)),
      settings: { packetSizeBytes, maxTimeoutMs },
    }),
  );
}
