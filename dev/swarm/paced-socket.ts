import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Clock } from "../../lib/clock/clock.ts";
import { mostQueuedBytes, type Pace, PacedLine, type SharedBandwidth } from "./paced-line.ts";

/**
 * A socket behind a slow line in each direction. When the line is full it pauses the real socket, so TCP slows a writer
 * down, as it does with a real slow host.
 */
export class PacedSocket extends Duplex {
  readonly #socket: Socket;
  readonly #inward: PacedLine;
  readonly #outward: PacedLine;
  readonly #pace: () => Pace;
  #readerIsFull = false;

  constructor(
    socket: Socket,
    options: {
      readonly clock: Clock;
      readonly pace: () => Pace;
      readonly inward: SharedBandwidth;
      readonly outward: SharedBandwidth;
    },
  ) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    const { clock, pace } = options;
    this.#pace = pace;
    this.#inward = new PacedLine({
      clock,
      pace,
      bandwidth: options.inward,
      deliver: (lump) => {
        if (!this.push(lump)) this.#readerIsFull = true;
      },
    });
    this.#outward = new PacedLine({
      clock,
      pace,
      bandwidth: options.outward,
      deliver: (lump) => {
        socket.write(lump);
      },
    });
    socket.on("data", (bytes: Buffer) => {
      this.#inward.send(bytes);
      const most = mostQueuedBytes(pace());
      if (this.#readerIsFull || this.#inward.queuedBytes > most) socket.pause();
      this.#inward.whenAtMost(most, () => this.#resumeIfWanted());
    });
    socket.on("end", () => this.#inward.whenAtMost(0, () => this.push(null)));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => {
      // If the peer has ended its side properly, data that it sent may still be in the line and must be delivered
      // first.
      if (!this.readableEnded && socket.readableEnded) return;
      this.destroy();
    });
  }

  /** Must be called after each change of what `pace` returns. */
  paceChanged(): void {
    this.#inward.paceChanged();
    this.#outward.paceChanged();
  }

  #resumeIfWanted(): void {
    if (!this.#readerIsFull && this.#socket.isPaused()) this.#socket.resume();
  }

  override _read(): void {
    this.#readerIsFull = false;
    if (this.#inward.queuedBytes <= mostQueuedBytes(this.#pace())) this.#resumeIfWanted();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#outward.send(bytes);
    this.#outward.whenAtMost(mostQueuedBytes(this.#pace()), () => {
      if (this.#socket.writableNeedDrain) this.#socket.once("drain", () => done());
      else done();
    });
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#outward.whenAtMost(0, () => this.#socket.end(() => done()));
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#inward.end();
    this.#outward.end();
    this.#socket.destroy();
    done(error);
  }
}
