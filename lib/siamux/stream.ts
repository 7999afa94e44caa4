import type { MuxStream } from "./mux.ts";
import type { FrameSource, OutgoingFrame } from "./packet-writer.ts";
import { ReceiveBuffer } from "./receive-buffer.ts";
import { StreamError } from "./siamux-error.ts";
import { FLAG_FIRST, FLAG_LAST } from "./wire-format.ts";

// States of a stream, and what may be sent and received in each:
//
//   open ──close()──▶ closing ──LAST handed over──▶ ended
//    │                   │                            ▲
//    ├──destroy()────────┘ (pending writes dropped)   │
//    └──peer's LAST, connection ended─────────────────┘
//
//   open      sends and receives
//   closing   sends pending writes and LAST; drops what arrives
//   ended     sends nothing; drops what arrives
//
// Invariants: FIRST is set only on the first frame of a stream that we opened; LAST is sent at most once, only after
// FIRST, and never after the peer's LAST; bytes received before the peer's LAST can be read after it.
type State = "open" | "closing" | "ended";

interface PendingWrite {
  readonly bytes: Uint8Array;
  offset: number;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

interface PendingRead {
  readonly target: Uint8Array;
  filled: number;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/**
 * Why reads or writes fail from now on: an error, or, after a normal end, a function that creates the error. Callers
 * rarely read or write after a normal end, so the error is created only when a caller does.
 */
type Failure = Error | (() => Error);
const errorOf = (failure: Failure): Error => (typeof failure === "function" ? failure() : failure);

/** Maximum length of a peer's error text in our messages. */
const MAX_ERROR_TEXT_CHARS = 1_024;
const quote = (text: string): string => JSON.stringify(text.slice(0, MAX_ERROR_TEXT_CHARS));

/** The parts of the connection that a stream uses. */
export interface StreamOwner {
  /** Called when a read begins to wait for the peer. */
  streamWaits(): void;
  /** Called when the stream has frames that takeFrame can return. */
  streamHasFrames(stream: SiamuxStream): void;
  /** Called when the stream sends nothing more. `peerKnows`: the peer knows the stream and may still send on its id. */
  streamEnded(stream: SiamuxStream, peerKnows: boolean): void;
}

export class SiamuxStream implements MuxStream, FrameSource {
  readonly id: number;
  readonly whenPeerCloses: Promise<void>;
  readonly #owner: StreamOwner;
  readonly #maxBufferedBytes: number;
  readonly #received = new ReceiveBuffer();
  readonly #writes: PendingWrite[] = [];
  readonly #resolvePeerCloses: () => void;
  #read: PendingRead | undefined;
  #state: State = "open";
  /** Set when the stream ends: the reason with which later reads and writes reject. */
  #readFailure: Failure | undefined;
  #writeFailure: Failure | undefined;
  #isAnnounced: boolean;
  #peerClosed = false;

  /** `isAnnounced`: the peer opened the stream, so our first frame carries no FIRST. */
  constructor(parts: { id: number; owner: StreamOwner; isAnnounced: boolean; maxBufferedBytes: number }) {
    this.id = parts.id;
    this.#owner = parts.owner;
    this.#isAnnounced = parts.isAnnounced;
    this.#maxBufferedBytes = parts.maxBufferedBytes;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.whenPeerCloses = promise;
    this.#resolvePeerCloses = resolve;
  }

  get peerClosed(): boolean {
    return this.#peerClosed;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** A read or a write is pending. */
  get isWaiting(): boolean {
    return this.#read !== undefined || this.#writes.length > 0;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#writeFailure !== undefined) return Promise.reject(errorOf(this.#writeFailure));
    if (bytes.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#writes.push({ bytes, offset: 0, resolve, reject });
      this.#owner.streamHasFrames(this);
    });
  }

  async readExactly(length: number): Promise<Uint8Array> {
    const target = new Uint8Array(length);
    await this.readInto(target);
    return target;
  }

  readInto(target: Uint8Array): Promise<void> {
    if (this.#read !== undefined) {
      return Promise.reject(
        this.#error("read-in-progress", "one read at a time", "Await the pending read first."),
      );
    }
    const filled = this.#received.moveInto(target, 0);
    if (filled === target.length) return Promise.resolve();
    if (this.#readFailure !== undefined) return Promise.reject(errorOf(this.#readFailure));
    return new Promise((resolve, reject) => {
      this.#read = { target, filled, resolve, reject };
      this.#owner.streamWaits();
    });
  }

  close(): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    const closed = () =>
      this.#error("stream-closed", "the stream was closed on this side", "Open another stream.");
    this.#failReads(closed);
    this.#writeFailure = closed;
    this.#sendLastOrEnd();
  }

  destroy(cause: Error): void {
    if (this.#state === "ended") return;
    this.#state = "closing";
    this.#failReads(cause);
    this.#failWrites(cause);
    this.#sendLastOrEnd();
  }

  get hasFrames(): boolean {
    return this.#state === "closing" || this.#writes.length > 0;
  }

  takeFrame(maxPayloadBytes: number): OutgoingFrame | undefined {
    const write = this.#writes[0];
    if (write === undefined) return this.#takeLast();
    const payload = write.bytes.subarray(write.offset, write.offset + maxPayloadBytes);
    write.offset += payload.length;
    if (write.offset === write.bytes.length) {
      this.#writes.shift();
      write.resolve();
    }
    const flags = this.#isAnnounced ? 0 : FLAG_FIRST;
    this.#isAnnounced = true;
    return { flags, payload };
  }

  /** A part of a frame arrived: the bytes of `memory` from `start` to `end`. */
  receive(memory: Buffer, start: number, end: number): void {
    if (this.#state !== "open") return;
    let at = start;
    const read = this.#read;
    if (read !== undefined) {
      // Copies as many bytes as fit.
      const taken = memory.copy(read.target, read.filled, start, end);
      read.filled += taken;
      at += taken;
      if (read.filled === read.target.length) {
        this.#read = undefined;
        read.resolve();
      }
    }
    if (at === end) return;
    if (this.#received.lengthBytes + end - at > this.#maxBufferedBytes) {
      const limit = `expected at most ${this.#maxBufferedBytes} unrequested bytes`;
      this.destroy(
        this.#error(
          "stream-overflow",
          `${limit}, got more`,
          "Prefer other hosts: this one sends unrequested data.",
        ),
      );
      return;
    }
    this.#received.append(memory.subarray(at, end));
  }

  /** The peer sent LAST; `errorText` is set if the peer closed the stream with an error. */
  peerEnded(errorText: string | undefined): void {
    this.#peerClosed = true;
    const wasOpen = this.#state === "open";
    this.#state = "ended";
    this.#resolvePeerCloses();
    const failed =
      errorText === undefined
        ? undefined
        : this.#error(
            "peer-stream-error",
            `the peer closed it with the error ${quote(errorText)}`,
            "Read the peer's error.",
          );
    const closed = () =>
      this.#error("peer-closed-stream", "the peer closed the stream", "Read the peer's response.");
    this.#failWrites(failed ?? closed);
    if (wasOpen) this.#endReads(failed);
  }

  /** The connection has ended. Bytes that arrived can still be read. */
  connectionEnded(reason: Error): void {
    const wasOpen = this.#state === "open";
    this.#state = "ended";
    this.#resolvePeerCloses();
    this.#failWrites(reason);
    if (!wasOpen) return;
    this.#readFailure = reason;
    this.#rejectRead(reason);
  }

  #takeLast(): OutgoingFrame | undefined {
    if (this.#state !== "closing") return undefined;
    this.#endHere(true);
    return { flags: FLAG_LAST, payload: new Uint8Array() };
  }

  #sendLastOrEnd(): void {
    if (this.#isAnnounced || this.#writes.length > 0) {
      this.#owner.streamHasFrames(this);
      return;
    }
    this.#endHere(false);
  }

  #endHere(peerKnows: boolean): void {
    this.#state = "ended";
    this.#resolvePeerCloses();
    this.#owner.streamEnded(this, peerKnows);
  }

  #endReads(failed: StreamError | undefined): void {
    const read = this.#read;
    const got = read === undefined ? "" : `: expected ${read.target.length} bytes, got ${read.filled}`;
    const ended = () =>
      this.#error("stream-ended", `the peer closed the stream too early${got}`, "Try another host.");
    this.#readFailure = failed ?? ended;
    this.#rejectRead(this.#readFailure);
  }

  #failReads(failure: Failure): void {
    this.#received.clear();
    this.#readFailure = failure;
    this.#rejectRead(failure);
  }

  #rejectRead(failure: Failure): void {
    const read = this.#read;
    this.#read = undefined;
    read?.reject(errorOf(failure));
  }

  #failWrites(failure: Failure): void {
    this.#writeFailure = failure;
    for (const write of this.#writes.splice(0)) write.reject(errorOf(failure));
  }

  #error(
    code: ConstructorParameters<typeof StreamError>[1]["code"],
    message: string,
    remedy: string,
  ): StreamError {
    return new StreamError(this.id, { code, message: `siamux stream ${this.id}: ${message}`, remedy });
  }
}
