import { createPrivateKey, type KeyObject } from "node:crypto";
import { acceptMux, dialMux } from "../../lib/siamux/establish-mux.ts";
import type { Mux, MuxOptions, MuxStream } from "../../lib/siamux/mux.ts";
import { hexOf, parseHostKey } from "../../lib/slab/ids.ts";
import { type MemoryEnd, memoryPair } from "./memory-pair.ts";
import { RawPeer } from "./raw-peer.ts";
import { referenceIdentity } from "./reference.ts";

export const HOST_SEED = new Uint8Array(32).fill(0x22);
export const HOST_KEY = parseHostKey(hexOf(referenceIdentity(HOST_SEED)));

export function hostIdentity(): KeyObject {
  const prefix = Buffer.from("302e020100300506032b657004220420", "hex");
  return createPrivateKey({ key: Buffer.concat([prefix, HOST_SEED]), format: "der", type: "pkcs8" });
}

export interface Joined {
  readonly client: Mux;
  readonly host: Mux;
  readonly clientEnd: MemoryEnd;
  readonly hostEnd: MemoryEnd;
}

/** Joins two muxes of ours. */
export async function joinMuxes(
  options: { client?: MuxOptions; host?: MuxOptions; chunkSizes?: readonly number[] } = {},
): Promise<Joined> {
  const [clientEnd, hostEnd] = memoryPair(options.chunkSizes);
  const [client, host] = await Promise.all([
    dialMux(clientEnd, HOST_KEY, options.client),
    acceptMux(hostEnd, hostIdentity(), options.host),
  ]);
  return { client, host, clientEnd, hostEnd };
}

/** Joins our dialer and a raw host. */
export async function dialRawHost(options: MuxOptions = {}, chunkSizes?: readonly number[]) {
  const [clientEnd, hostEnd] = memoryPair(chunkSizes);
  const host = new RawPeer(hostEnd, "acceptor");
  const [client] = await Promise.all([dialMux(clientEnd, HOST_KEY, options), host.accept(HOST_SEED)]);
  return { client, host, clientEnd, hostEnd };
}

/** Joins our acceptor and a raw dialer. */
export async function acceptRawDialer(options: MuxOptions = {}, chunkSizes?: readonly number[]) {
  const [dialerEnd, hostEnd] = memoryPair(chunkSizes);
  const dialer = new RawPeer(dialerEnd, "dialer");
  const [host] = await Promise.all([acceptMux(hostEnd, hostIdentity(), options), dialer.dial()]);
  return { host, dialer, dialerEnd, hostEnd };
}

/** The next stream that the peer opens. */
export function nextStream(mux: Mux): Promise<MuxStream> {
  return new Promise((resolve) => mux.onStream(resolve));
}

/** The code of the error that a promise rejects with, or "fulfilled". */
export function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "fulfilled",
    (error: { code?: unknown }) => error.code ?? error,
  );
}

/** Bytes that differ from their neighbours, so that a test notices a shifted or repeated part. */
export function patternBytes(lengthBytes: number, salt = 0): Uint8Array {
  return Uint8Array.from({ length: lengthBytes }, (_, i) => (i * 31 + (i >> 8) * 7 + salt) & 0xff);
}
