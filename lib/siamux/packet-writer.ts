import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { encodeFrameHeader } from "./frame.ts";
import type { PacketCipher } from "./packet-cipher.ts";
import { releaseMemory } from "./release-memory.ts";
import {
  FRAME_HEADER_BYTES,
  KEEPALIVE_ID,
  maxPayloadBytes,
  packetPlainBytes,
  TAG_BYTES,
} from "./wire-format.ts";

/**
 * Approximate size of one write to the transport. It equals a socket's high-water mark, so one write keeps the socket
 * busy without a backlog.
 */
const BATCH_BYTES = 65_536;

export interface OutgoingFrame {
  readonly flags: number;
  readonly payload: Uint8Array;
}

/** A stream as the writer sees it. */
export interface FrameSource {
  readonly id: number;
  /**
   * The next frame, or undefined if there is none. The caller copies its payload at once, before any other code runs.
   */
  takeFrame(maxPayloadBytes: number): OutgoingFrame | undefined;
  readonly hasFrames: boolean;
}

/**
 * Takes frames from the streams round-robin, so that a large upload does not delay a small request. Pads the frames to
 * whole packets, encrypts the packets and writes them to the transport in batches. While the transport is full, no
 * frames are taken: they wait in their streams, where the peer's LAST can still stop them.
 */
export class PacketWriter {
  readonly #duplex: Duplex;
  readonly #cipher: PacketCipher;
  readonly #onWritten: (kind: "frames" | "keepalive") => void;
  readonly #packetSizeBytes: number;
  readonly #batchPackets: number;
  #queue: FrameSource[] = [];
  readonly #queued = new Set<FrameSource>();
  #prefix: Buffer | undefined;
  #prefixTimer: NodeJS.Immediate | undefined;
  #isScheduled = false;
  #isFull = false;
  #isFlushing = false;
  #isStopped = false;

  /** `prefix` is sent together with the first frames, or alone if none come in this turn of the event loop. */
  constructor(parts: {
    duplex: Duplex;
    cipher: PacketCipher;
    packetSizeBytes: number;
    prefix: Buffer | undefined;
    onWritten: (kind: "frames" | "keepalive") => void;
  }) {
    this.#duplex = parts.duplex;
    this.#cipher = parts.cipher;
    this.#onWritten = parts.onWritten;
    this.#packetSizeBytes = parts.packetSizeBytes;
    this.#batchPackets = Math.max(1, Math.floor(BATCH_BYTES / parts.packetSizeBytes));
    this.#prefix = parts.prefix;
    if (this.#prefix !== undefined) this.#prefixTimer = setImmediate(() => this.flush());
  }

  /** The source has frames. The frames go out after the current microtask, so that writes of one tick share packets. */
  enqueue(source: FrameSource): void {
    if (this.#isStopped || this.#queued.has(source)) return;
    this.#queued.add(source);
    this.#queue.push(source);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  /** Writes the frames of the queued streams to the transport until it is full. */
  flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    while (!this.#isStopped && !this.#isFull) {
      const plainBytes = this.#fillBatch();
      if (plainBytes === 0 && this.#prefix === undefined) break;
      this.#send(plainBytes);
      if (plainBytes > 0) this.#onWritten("frames");
    }
    this.#isFlushing = false;
  }

  /** Sends a packet with only a keepalive frame. Sends nothing if frames wait already or the transport is full. */
  sendKeepalive(): void {
    if (this.#isStopped || this.#isFull || this.#queue.length > 0) return;
    encodeFrameHeader(this.#texts, 0, { id: KEEPALIVE_ID, payloadBytes: 0, flags: 0 });
    this.#send(this.#pad(FRAME_HEADER_BYTES));
    this.#onWritten("keepalive");
  }

  /** Called when the transport has space again. */
  drained(): void {
    this.#isFull = false;
    this.flush();
  }

  stop(): void {
    this.#isStopped = true;
    clearImmediate(this.#prefixTimer);
    this.#queue = [];
    this.#queued.clear();
  }

  /** Frames of one batch before encryption; the last frame may extend one packet beyond the batch. */
  get #texts(): Buffer {
    return this.#cipher.memory.texts;
  }

  /** Fills `#texts` with frames. Returns the number of bytes in use: a whole number of packets. */
  #fillBatch(): number {
    const fullBytes = this.#batchPackets * packetPlainBytes(this.#packetSizeBytes);
    const maxPayload = maxPayloadBytes(this.#packetSizeBytes);
    let usedBytes = 0;
    while (usedBytes < fullBytes) {
      const source = this.#queue.shift();
      if (source === undefined) break;
      const frame = source.takeFrame(maxPayload);
      if (source.hasFrames) this.#queue.push(source);
      else this.#queued.delete(source);
      if (frame === undefined) continue;
      const payloadBytes = frame.payload.length;
      encodeFrameHeader(this.#texts, usedBytes, { id: source.id, payloadBytes, flags: frame.flags });
      this.#texts.set(frame.payload, usedBytes + FRAME_HEADER_BYTES);
      usedBytes += FRAME_HEADER_BYTES + payloadBytes;
    }
    return this.#pad(usedBytes);
  }

  #pad(usedBytes: number): number {
    const packetBytes = packetPlainBytes(this.#packetSizeBytes);
    const paddedBytes = Math.ceil(usedBytes / packetBytes) * packetBytes;
    this.#texts.fill(0, usedBytes, paddedBytes);
    return paddedBytes;
  }

  #send(plainBytes: number): void {
    const packetBytes = packetPlainBytes(this.#packetSizeBytes);
    const prefix = this.#prefix;
    const prefixBytes = prefix?.length ?? 0;
    const packets = plainBytes / packetBytes;
    // New memory for each batch, because a transport may keep it: an in-memory transport passes it on to the peer.
    const sealed = Buffer.allocUnsafeSlow(prefixBytes + packets * (packetBytes + TAG_BYTES));
    if (prefix !== undefined) {
      sealed.set(prefix);
      this.#prefix = undefined;
      clearImmediate(this.#prefixTimer);
    }
    this.#cipher.seal(packets, this.#packetSizeBytes);
    this.#cipher.memory.sealed.copy(sealed, prefixBytes);
    // A socket calls back when it no longer needs the memory of `sealed`; then the memory is freed. Transports other
    // than sockets may have passed the memory on to their peer: with them, it is not freed.
    const isSocket = this.#duplex instanceof Socket;
    this.#isFull = !this.#duplex.write(sealed, isSocket ? () => releaseMemory(sealed) : undefined);
  }
}
