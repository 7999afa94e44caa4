/**
 * What postgres.js is given instead of a socket.
 *
 * postgres.js forgets its socket when it hears `close`, and a write that it still makes then (the rollback of a transaction whose
 * connection is gone, a write put off by setImmediate) throws where no caller can catch it. It also opens another connection by
 * itself, without a pause, and sends the rest of the old one's statements on it. So it never hears `close` here: a connection that
 * is lost is an `error`, and so is every write after it. Its driver is put away with it (connect.ts).
 *
 *   open --lost--> closed (every write: error)          open --end / destroy--> closed
 */
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";

/** A server that says nothing to our farewell is left after this. */
const FAREWELL_MS = 5_000;

export class DriverSocket extends EventEmitter {
  readonly #stream: Socket;
  readonly #onOver: (lost: Error | undefined) => void;
  readonly #closedError: Error;
  #failure: Error | undefined;
  /** postgres.js reads it: with "closed" it does not wait for a `close`. */
  readyState: "open" | "closed" = "open";

  /**
   * @param onOver called once: nothing more will be sent; with what ended it, unless the driver did
   * @param closedError says that the other side has closed the connection
   */
  constructor(stream: Socket, closedError: Error, onOver: (lost: Error | undefined) => void) {
    super();
    this.#stream = stream;
    this.#onOver = onOver;
    this.#closedError = closedError;
    // An `error` without a listener would be thrown.
    this.on("error", () => {});
    stream.on("data", (bytes) => this.readyState === "open" && this.emit("data", bytes));
    stream.on("drain", () => this.readyState === "open" && this.emit("drain"));
    stream.on("error", (error) => this.#lose(error));
    stream.on("end", () => this.#lose(closedError));
    stream.on("close", () => this.#lose(closedError));
  }

  write(bytes: Uint8Array, done?: (error?: Error | null) => void): boolean {
    if (this.readyState === "open") return this.#stream.write(bytes, done);
    const failure = this.#failure ?? this.#closedError;
    process.nextTick(() => {
      done?.(failure);
      this.emit("error", failure);
    });
    return true;
  }

  /** The driver's farewell. */
  end(bytes?: Uint8Array): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    const leave = setTimeout(() => this.#stream.destroy(), FAREWELL_MS);
    leave.unref();
    this.#stream.on("close", () => clearTimeout(leave));
    if (bytes === undefined) this.#stream.end();
    else this.#stream.end(bytes);
    // Read to the end, or `close` would never come.
    this.#stream.resume();
    this.#onOver(undefined);
  }

  destroy(): void {
    this.#stream.destroy();
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.#onOver(undefined);
  }

  /** Ends the connection as if it had been lost: what is under way fails with this. */
  fail(error: Error): void {
    this.#lose(error);
  }

  setKeepAlive(enable: boolean, initialDelayMs: number): void {
    this.#stream.setKeepAlive(enable, initialDelayMs);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  #lose(error: Error): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.#failure = error;
    this.#stream.destroy();
    this.emit("error", error);
    this.#onOver(error);
  }
}
