import type { RpcStream } from "../../lib/rhp4/rpc-stream.ts";
import { StreamError } from "../../lib/siamux/siamux-error.ts";

const ended = (code: "stream-ended" | "peer-closed-stream", message: string) =>
  new StreamError(0, { code, message, remedy: "" });

export interface MemoryStreamOptions {
  /** Largest piece that arrives at once; `random` draws the size of each piece. */
  readonly maxPieceBytes?: number;
  readonly random?: () => number;
  /** Models a socket's backpressure: a write waits while the reader has more unread bytes than this. */
  readonly highWaterBytes?: number;
}

interface Waiting {
  readonly target: Uint8Array;
  filled: number;
  readonly resolve: () => void;
  readonly reject: (cause: Error) => void;
}

/** One end of a pair. Written bytes arrive at the other end in pieces, in later turns of the event loop. */
export class MemoryStream implements RpcStream {
  peer!: MemoryStream;
  peerClosed = false;
  /** Number of bytes that have arrived from the peer so far, whether read or not. */
  receivedBytes = 0;
  closed = false;
  destroyedWith: Error | undefined;
  readonly whenPeerCloses: Promise<void>;
  onReceived = (): void => {};
  readonly #options: Required<MemoryStreamOptions>;
  #peerClosedNow: () => void = () => {};
  #arrived: Uint8Array[] = [];
  #unreadBytes = 0;
  #waiting: Waiting | undefined;
  #drained: (() => void)[] = [];

  constructor(options: MemoryStreamOptions) {
    this.#options = { maxPieceBytes: 65_536, random: Math.random, highWaterBytes: 262_144, ...options };
    this.whenPeerCloses = new Promise((resolve) => {
      this.#peerClosedNow = resolve;
    });
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#assertWritable();
    const copy = bytes.slice();
    const { maxPieceBytes, random } = this.#options;
    for (let at = 0; at < copy.length; ) {
      const piece = copy.subarray(at, at + 1 + Math.floor(random() * maxPieceBytes));
      at += piece.length;
      await nextTurn();
      this.#assertWritable();
      this.peer.#receive(piece);
      await this.peer.#untilBelowHighWater(this);
      this.#assertWritable();
    }
  }

  async readExactly(length: number): Promise<Uint8Array> {
    const target = new Uint8Array(length);
    await this.readInto(target);
    return target;
  }

  readInto(target: Uint8Array): Promise<void> {
    if (this.#waiting) throw new Error("one read at a time");
    return new Promise((resolve, reject) => {
      this.#waiting = { target, filled: 0, resolve, reject };
      this.#pump();
    });
  }

  close(): void {
    if (this.closed || this.destroyedWith) return;
    this.closed = true;
    setImmediate(() => this.peer.#noteClosed());
  }

  destroy(cause: Error): void {
    if (this.destroyedWith) return;
    this.destroyedWith = cause;
    this.#waiting?.reject(cause);
    this.#waiting = undefined;
    for (const drained of [...this.#drained, ...this.peer.#drained]) drained();
    setImmediate(() => this.peer.#noteClosed());
  }

  #assertWritable(): void {
    if (this.destroyedWith) throw this.destroyedWith;
    if (this.peerClosed || this.closed) throw ended("peer-closed-stream", "the stream is closed");
  }

  #noteClosed(): void {
    this.peerClosed = true;
    this.#peerClosedNow();
    this.#pump();
    for (const drained of this.peer.#drained) drained();
    for (const drained of this.#drained) drained();
  }

  #receive(piece: Uint8Array): void {
    this.receivedBytes += piece.length;
    this.#arrived.push(piece);
    this.#unreadBytes += piece.length;
    this.onReceived();
    this.#pump();
  }

  async #untilBelowHighWater(writer: MemoryStream): Promise<void> {
    while (this.#unreadBytes > this.#options.highWaterBytes && !writer.destroyedWith && !writer.peerClosed) {
      await new Promise<void>((resolve) => this.#drained.push(resolve));
    }
  }

  #pump(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    if (this.destroyedWith) {
      this.#waiting = undefined;
      waiting.reject(this.destroyedWith);
      return;
    }
    while (waiting.filled < waiting.target.length && this.#arrived.length > 0) {
      const piece = this.#arrived[0]!;
      const taken = piece.subarray(0, waiting.target.length - waiting.filled);
      waiting.target.set(taken, waiting.filled);
      waiting.filled += taken.length;
      this.#unreadBytes -= taken.length;
      if (taken.length === piece.length) this.#arrived.shift();
      else this.#arrived[0] = piece.subarray(taken.length);
    }
    for (const drained of this.#drained.splice(0)) drained();
    if (waiting.filled === waiting.target.length) {
      this.#waiting = undefined;
      waiting.resolve();
    } else if (this.peerClosed) {
      this.#waiting = undefined;
      waiting.reject(ended("stream-ended", `ended ${waiting.target.length - waiting.filled} bytes early`));
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function memoryStreamPair(options: MemoryStreamOptions = {}): {
  client: MemoryStream;
  host: MemoryStream;
} {
  const client = new MemoryStream(options);
  const host = new MemoryStream(options);
  client.peer = host;
  host.peer = client;
  return { client, host };
}
