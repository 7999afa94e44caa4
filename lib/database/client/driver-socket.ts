/**
 * Given to postgres.js instead of a socket.
 *
 * postgres.js drops its socket when it receives `close`. If a write follows (the rollback of a transaction whose
 * connection is gone, or a write delayed by setImmediate), the write throws where no caller can catch the error.
 * postgres.js also opens another connection by itself, without a pause, and sends the remaining statements of the old
 * connection there. So this class never emits `close`: for a lost connection, and for every later write, it emits
 * `error`. connect.ts then discards the driver as well.
 *
 *   open --lost--> closed (every write: error)          open --end / destroy--> closed
 */
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";

/**
 * If the server does not close the connection within this time after we ended our side, the connection is abandoned.
 */
const FAREWELL_MS = 5_000;

export class DriverSocket extends EventEmitter {
  readonly #stream: Socket;
  readonly #onOver: (lost: Error | undefined) => void;
  readonly #closedError: Error;
  #failure: Error | undefined;
  /** postgres.js reads this: if it is "closed", postgres.js does not wait for the event `close`. */
  readyState: "open" | "closed" = "open";

  /**
   * @param onOver called once, when nothing more will be sent: with the error if the connection was lost, with
   *   undefined if the driver ended it
   * @param closedError the error to report when the other side closes the connection
   */
  constructor(stream: Socket, closedError: Error, onOver: (lost: Error | undefined) => void) {
    super();
    this.#stream = stream;
    this.#onOver = onOver;
    this.#closedError = closedError;
    // Node.js throws an `error` event that has no listener.
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

  /** Called by the driver to end the connection. */
  end(bytes?: Uint8Array): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    const leave = setTimeout(() => this.#stream.destroy(), FAREWELL_MS);
    leave.unref();
    this.#stream.on("close", () => clearTimeout(leave));
    if (bytes === undefined) this.#stream.end();
    else this.#stream.end(bytes);
    // Keep reading: otherwise `close` would never come.
    this.#stream.resume();
    this.#onOver(undefined);
  }

  destroy(): void {
    this.#stream.destroy();
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.#onOver(undefined);
  }

  /** Ends the connection as if it had been lost: calls in progress fail with this error. */
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
