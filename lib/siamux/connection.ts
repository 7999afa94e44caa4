import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ConnectionSettings } from "./connection-settings.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { Keepalive } from "./keepalive.ts";
import type { Mux, MuxStream } from "./mux.ts";
import type { ResolvedMuxOptions } from "./mux-options.ts";
import type { PacketCipher, Role } from "./packet-cipher.ts";
import { PacketReader } from "./packet-reader.ts";
import { PacketWriter } from "./packet-writer.ts";
import { releaseMemory } from "./release-memory.ts";
import { MuxClosedError, protocolViolation } from "./siamux-error.ts";
import { Silence } from "./silence.ts";
import { StrayFrames } from "./stray-frames.ts";
import { SiamuxStream, type StreamOwner } from "./stream.ts";
import { StreamIds } from "./stream-ids.ts";
import {
  FLAG_ERROR,
  FLAG_FIRST,
  FLAG_LAST,
  fatalStrayFrames,
  KEEPALIVE_FRACTION,
  KEEPALIVE_ID,
  LOWEST_STREAM_ID,
  maxPayloadBytes,
} from "./wire-format.ts";

/** How long close() lets the transport send its data; a peer that does not read must not block us. */
const CLOSE_GRACE_MS = 2_000;

export interface ConnectionParts {
  readonly duplex: Duplex;
  readonly role: Role;
  readonly cipher: PacketCipher;
  readonly settings: ConnectionSettings;
  readonly options: ResolvedMuxOptions;
  /** The dialer's sealed settings, which travel with the first packets. */
  readonly handshakeTail: Buffer | undefined;
}

/**
 * A connection after its handshake. It stays open until close(), destroy(), the transport's end or error, a protocol
 * violation or idleness. Then, in one synchronous step, the reason is set, every stream fails with it, timers stop and
 * the transport is ended; `closed` settles when the transport has closed.
 *
 * A stream is in `#streams` from its opening until nothing more is sent or received for it. When we close a stream
 * before the peer does, its id moves to `#strays`. The transport is never paused: a slow reader fills its own stream's
 * buffer and does not delay other streams.
 */
export class MuxConnection implements Mux, FrameSink, StreamOwner {
  readonly closed: Promise<MuxClosedError>;
  readonly #resolveClosed: (reason: MuxClosedError) => void;
  readonly #duplex: Duplex;
  readonly #options: ResolvedMuxOptions;
  readonly #writer: PacketWriter;
  readonly #reader: PacketReader;
  readonly #keepalive: Keepalive;
  readonly #silence: Silence | undefined;
  #movedHandler = (): void => {};
  readonly #streams = new Map<number, SiamuxStream>();
  readonly #strays: StrayFrames;
  /** 0 for the dialer, 1 for the acceptor: the low bit of the ids that we open. */
  readonly #parity: number;
  readonly #ids: StreamIds;
  #peerStreamCount = 0;
  #streamHandler: ((stream: MuxStream) => void) | undefined;
  #unclaimed: SiamuxStream[] = [];
  #reason: MuxClosedError | undefined;
  #cancelGrace: (() => void) | undefined;
  /** The stream, id and flags of the frame whose payload is arriving. Without a stream, the payload is dropped. */
  #frameStream: SiamuxStream | undefined;
  #frameId = KEEPALIVE_ID;
  #frameFlags = 0;
  #errorParts: Buffer[] = [];

  constructor(parts: ConnectionParts) {
    const { duplex, cipher, options, settings } = parts;
    this.#duplex = duplex;
    this.#options = options;
    this.#parity = parts.role === "dialer" ? 0 : 1;
    this.#ids = new StreamIds(this.#parity);
    this.#strays = new StrayFrames(fatalStrayFrames(settings.packetSizeBytes));
    const { promise, resolve } = Promise.withResolvers<MuxClosedError>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    const frames = new FrameReader(this, maxPayloadBytes(settings.packetSizeBytes));
    this.#reader = new PacketReader(cipher, frames, settings.packetSizeBytes);
    this.#keepalive = new Keepalive({
      clock: options.clock,
      intervalMs: settings.maxTimeoutMs * KEEPALIVE_FRACTION,
      onDue: () => this.#writer.sendKeepalive(),
      onInactive: () => this.#end(inactive()),
    });
    if (options.maxSilenceMs !== undefined) this.#silence = this.#watchSilence(options.maxSilenceMs);
    this.#writer = new PacketWriter({
      duplex,
      cipher,
      packetSizeBytes: settings.packetSizeBytes,
      prefix: parts.handshakeTail,
      onWritten: (kind) => {
        this.#keepalive.wrote();
        if (kind === "frames") this.#keepalive.sawFrame();
      },
    });
    duplex.on("data", this.#onData);
    duplex.on("end", this.#onEnd);
    duplex.on("error", this.#onError);
    duplex.on("close", this.#onClose);
    duplex.on("drain", this.#onDrain);
    if (duplex.closed) this.#onClose();
    else if (duplex.readableEnded) this.#onEnd();
    else duplex.resume();
  }

  get isClosed(): boolean {
    return this.#reason !== undefined;
  }

  get openStreamCount(): number {
    let count = 0;
    for (const stream of this.#streams.values()) if (stream.isOpen) count += 1;
    return count;
  }

  openStream(): MuxStream {
    const id = this.#ids.take((taken) => this.#streams.has(taken) || this.#strays.isRemembered(taken));
    const stream = this.#newStream(id, false);
    if (this.#reason !== undefined) stream.connectionEnded(this.#reason);
    else this.#streams.set(stream.id, stream);
    return stream;
  }

  onMoved(handler: () => void): void {
    this.#movedHandler = handler;
  }

  onStream(handler: (stream: MuxStream) => void): void {
    this.#streamHandler = handler;
    for (const stream of this.#unclaimed.splice(0)) handler(stream);
  }

  close(): void {
    if (this.#reason !== undefined) return;
    this.#writer.flush();
    const reason = {
      code: "closed-locally",
      message: "siamux: the connection was closed on this side",
      remedy: "Dial again.",
    } as const;
    this.#end(new MuxClosedError(reason), "graceful");
  }

  destroy(cause: Error): void {
    this.#end(
      new MuxClosedError({
        code: "destroyed",
        message: `siamux: the connection was destroyed: ${cause.message}`,
        remedy: "See the cause; dial again.",
        cause,
      }),
    );
  }

  streamWaits(): void {
    this.#silence?.waits();
  }

  streamHasFrames(stream: SiamuxStream): void {
    this.#silence?.waits();
    this.#writer.enqueue(stream);
  }

  streamEnded(stream: SiamuxStream, peerKnows: boolean): void {
    this.#drop(stream.id);
    if (peerKnows) this.#strays.remember(stream.id);
  }

  frameBegins(id: number, flags: number): void {
    this.#frameId = id;
    this.#frameFlags = flags;
    this.#frameStream = undefined;
    if (id === KEEPALIVE_ID) return;
    if (id < LOWEST_STREAM_ID) {
      throw protocolViolation("reserved-stream-id", `stream id ${id} is reserved`, { streamId: id });
    }
    this.#keepalive.sawFrame();
    this.#frameStream = this.#streams.get(id) ?? this.#acceptOrCount(id, flags);
  }

  framePayload(memory: Buffer, start: number, end: number): void {
    const flags = this.#frameFlags;
    if (this.#frameStream === undefined) return;
    if ((flags & FLAG_LAST) === 0) this.#frameStream.receive(memory, start, end);
    // The parts of an error text are copied, because the packet's memory is reused. They are short.
    else if ((flags & FLAG_ERROR) !== 0) this.#errorParts.push(Buffer.from(memory.subarray(start, end)));
  }

  frameEnds(): void {
    const flags = this.#frameFlags;
    const id = this.#frameId;
    if ((flags & FLAG_LAST) === 0 || id === KEEPALIVE_ID) return;
    const errorText =
      (flags & FLAG_ERROR) === 0 ? undefined : Buffer.concat(this.#errorParts).toString("utf8");
    this.#errorParts = [];
    this.#strays.forget(id);
    if (this.#frameStream === undefined) return;
    this.#drop(id);
    this.#frameStream.peerEnded(errorText);
    this.#frameStream = undefined;
  }

  /** The new stream of a FIRST frame, or undefined for a tolerated stray frame. */
  #acceptOrCount(id: number, flags: number): SiamuxStream | undefined {
    const isPeers = (id & 1) !== this.#parity;
    if ((flags & FLAG_FIRST) !== 0 && isPeers) return this.#accept(id);
    switch (this.#strays.count(id)) {
      case "tolerated":
        return undefined;
      case "flood":
        throw protocolViolation("stream-flood", `too many frames for closed stream ${id}`, { streamId: id });
      case "unknown": {
        const isForeign = (flags & FLAG_FIRST) !== 0;
        throw isForeign
          ? protocolViolation(
              "foreign-stream-id",
              `the peer opened stream ${id}, an id that only we may open`,
              {
                streamId: id,
              },
            )
          : protocolViolation("unknown-stream", `frame for unknown stream ${id}`, { streamId: id });
      }
    }
  }

  #accept(id: number): SiamuxStream {
    // Streams that no handler has taken yet count even if the peer has closed them, because they hold the peer's data.
    if (Math.max(this.#peerStreamCount, this.#unclaimed.length) >= this.#options.maxPeerStreams) {
      const limit = this.#options.maxPeerStreams;
      throw protocolViolation("too-many-streams", `the peer opened more than ${limit} streams at once`, {
        limit,
      });
    }
    this.#strays.forget(id);
    this.#peerStreamCount += 1;
    const stream = this.#newStream(id, true);
    this.#streams.set(id, stream);
    if (this.#streamHandler === undefined) this.#unclaimed.push(stream);
    else this.#streamHandler(stream);
    return stream;
  }

  #newStream(id: number, isAnnounced: boolean): SiamuxStream {
    return new SiamuxStream({
      id,
      owner: this,
      isAnnounced,
      maxBufferedBytes: this.#options.maxBufferedBytes,
    });
  }

  #drop(id: number): void {
    if (this.#streams.delete(id) && (id & 1) !== this.#parity) this.#peerStreamCount -= 1;
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#noteMoved();
    try {
      this.#reader.push(chunk);
      if (this.#duplex instanceof Socket) releaseMemory(chunk);
    } catch (error) {
      if (!(error instanceof MuxClosedError)) throw error;
      this.#end(error);
    }
  };

  readonly #onEnd = (): void => {
    if (this.#reader.isInsidePacket) {
      this.#end(protocolViolation("truncated-packet", "the peer ended in the middle of a packet"));
      return;
    }
    this.#end(
      new MuxClosedError({
        code: "closed-by-peer",
        message: "siamux: the peer closed the connection",
        remedy: "Dial again.",
      }),
    );
  };

  readonly #onError = (cause: Error): void => {
    this.#end(
      new MuxClosedError({
        code: "connection-failed",
        message: `siamux: the connection failed: ${cause.message}`,
        remedy: "Dial again, or use another host.",
        cause,
      }),
    );
  };

  readonly #onClose = (): void => {
    this.#onEnd();
    this.#cancelGrace?.();
    this.#duplex.off("error", this.#onError);
    this.#duplex.off("close", this.#onClose);
    if (this.#reason !== undefined) this.#resolveClosed(this.#reason);
  };

  readonly #onDrain = (): void => {
    this.#noteMoved();
    this.#writer.drained();
  };

  #noteMoved(): void {
    this.#silence?.moved();
    this.#movedHandler();
  }

  #watchSilence(maxSilenceMs: number): Silence {
    return new Silence({
      clock: this.#options.clock,
      maxSilenceMs,
      isWaiting: () => [...this.#streams.values()].some((stream) => stream.isWaiting),
      onSilent: () => this.#end(silent(maxSilenceMs)),
    });
  }

  #end(reason: MuxClosedError, how: "graceful" | "at-once" = "at-once"): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#keepalive.stop();
    this.#silence?.stop();
    this.#writer.stop();
    this.#duplex.off("data", this.#onData);
    this.#duplex.off("end", this.#onEnd);
    this.#duplex.off("drain", this.#onDrain);
    for (const stream of this.#streams.values()) stream.connectionEnded(reason);
    this.#streams.clear();
    this.#unclaimed = [];
    if (how === "at-once") this.#duplex.destroy();
    else this.#destroyWhenSent();
  }

  #destroyWhenSent(): void {
    const destroy = () => this.#duplex.destroy();
    this.#cancelGrace = this.#options.clock.startTimer(destroy, CLOSE_GRACE_MS);
    this.#duplex.end(destroy);
    // Data that still arrives is dropped, but must be read so that the transport notices the peer's end.
    this.#duplex.resume();
  }
}

function silent(maxSilenceMs: number): MuxClosedError {
  return new MuxClosedError({
    code: "silent",
    message: `siamux: no traffic for ${maxSilenceMs} ms while a stream waited`,
    remedy: "Dial again, or use another host.",
  });
}

function inactive(): MuxClosedError {
  return new MuxClosedError({
    code: "inactive",
    message: "siamux: only keepalives were sent or received for too long",
    remedy: "Dial again when the host is needed.",
  });
}
