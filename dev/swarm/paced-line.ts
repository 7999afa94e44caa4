import type { Clock } from "../../lib/clock/clock.ts";

/** The current speed limits of a host. */
export interface Pace {
  readonly bytesPerSecond: number | null;
  readonly latencyMs: number;
  /** While this is true, no bytes pass. */
  readonly halted: boolean;
}

/** The bandwidth of one direction of a host, shared by all its connections. */
export interface SharedBandwidth {
  /** Time when the next byte may pass, in milliseconds of the clock. */
  freeAtMs: number;
}

/** A slow line passes its bytes in this many chunks a second, so that they arrive steadily. */
const LUMPS_PER_SECOND = 20;
const MAX_CATCH_UP_MS = 1000 / LUMPS_PER_SECOND;

/** About the size of a kernel's socket buffer. */
const BUFFER_BYTES = 256 * 1024;
/** Linux's default limit of a connection's unacknowledged data (net.ipv4.tcp_wmem). */
const MAX_ON_THE_WAY_BYTES = 4 * 1024 * 1024;

/**
 * If a line holds more than this many bytes, its source must wait. The limit is one buffer plus the bytes that are in
 * transit at the full rate. If the limit were one buffer alone, a distant host would be slow even on a fast line: with
 * a latency of 40 ms, one buffer of 256 KiB in every 40 ms makes only 52 Mbit/s.
 */
export function mostQueuedBytes({ bytesPerSecond, latencyMs }: Pace): number {
  if (latencyMs === 0) return BUFFER_BYTES;
  const onTheWay = bytesPerSecond === null ? MAX_ON_THE_WAY_BYTES : (bytesPerSecond * latencyMs) / 1_000;
  return BUFFER_BYTES + Math.min(MAX_ON_THE_WAY_BYTES, Math.ceil(onTheWay));
}

/**
 * A line in one direction. Bytes come out in the order in which they went in, delayed by the latency and limited by the
 * bandwidth. The pace is read for each chunk, so a change takes effect within a fraction of a second. At full speed
 * with an empty queue, bytes pass at once.
 */
export class PacedLine {
  readonly #clock: Clock;
  readonly #pace: () => Pace;
  readonly #bandwidth: SharedBandwidth;
  readonly #deliver: (lump: Buffer) => void;
  readonly #queue: { bytes: Buffer; readonly arrivedAtMs: number }[] = [];
  #queuedBytes = 0;
  #cancelTimer: (() => void) | undefined;
  #onChange: (() => void) | undefined;
  #ended = false;

  constructor(options: {
    readonly clock: Clock;
    readonly pace: () => Pace;
    readonly bandwidth: SharedBandwidth;
    readonly deliver: (lump: Buffer) => void;
  }) {
    this.#clock = options.clock;
    this.#pace = options.pace;
    this.#bandwidth = options.bandwidth;
    this.#deliver = options.deliver;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  send(bytes: Buffer): void {
    if (this.#ended) return;
    const { bytesPerSecond, latencyMs, halted } = this.#pace();
    if (bytesPerSecond === null && latencyMs === 0 && !halted && this.#queue.length === 0) {
      this.#deliver(bytes);
      return;
    }
    this.#queue.push({ bytes, arrivedAtMs: this.#clock.now() });
    this.#queuedBytes += bytes.length;
    if (this.#cancelTimer === undefined) this.#pump();
  }

  /** Reads the pace again, because bytes that the old pace held back may now be allowed to pass. */
  paceChanged(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#pump();
  }

  /**
   * Calls `callback` once, as soon as at most `bytes` bytes are queued, which may be at once. If the method is called
   * again while `callback` is still waiting, only the new callback is called.
   */
  whenAtMost(bytes: number, callback: () => void): void {
    this.#onChange = () => {
      if (this.#queuedBytes > bytes) return;
      this.#onChange = undefined;
      callback();
    };
    this.#onChange();
  }

  /** Drops queued bytes and stops the timer. */
  end(): void {
    this.#ended = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#onChange = undefined;
  }

  #pump(): void {
    for (let head = this.#queue[0]; head !== undefined && !this.#ended; head = this.#queue[0]) {
      const nowMs = this.#clock.now();
      const { bytesPerSecond, latencyMs, halted } = this.#pace();
      if (halted) return;
      const bandwidthFreeMs = bytesPerSecond === null ? 0 : this.#bandwidth.freeAtMs;
      const readyAtMs = Math.max(head.arrivedAtMs + latencyMs, bandwidthFreeMs);
      if (readyAtMs > nowMs) {
        this.#cancelTimer = this.#clock.after(Math.ceil(readyAtMs - nowMs), () => {
          this.#cancelTimer = undefined;
          this.#pump();
        });
        return;
      }
      const lump = this.#takeLump(head, bytesPerSecond);
      if (bytesPerSecond !== null) {
        // If the timer fires late, the lost time is made up for, because the rate would be too low otherwise. Time in
        // which the line was idle is not made up for.
        const fromMs = Math.max(nowMs - MAX_CATCH_UP_MS, this.#bandwidth.freeAtMs);
        this.#bandwidth.freeAtMs = fromMs + (lump.length / bytesPerSecond) * 1000;
      }
      this.#deliver(lump);
      this.#onChange?.();
    }
  }

  #takeLump(head: { bytes: Buffer }, bytesPerSecond: number | null): Buffer {
    const most =
      bytesPerSecond === null
        ? head.bytes.length
        : Math.max(1, Math.floor(bytesPerSecond / LUMPS_PER_SECOND));
    const lump = head.bytes.subarray(0, most);
    head.bytes = head.bytes.subarray(lump.length);
    if (head.bytes.length === 0) this.#queue.shift();
    this.#queuedBytes -= lump.length;
    return lump;
  }
}
