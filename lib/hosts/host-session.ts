import type { Clock } from "../clock/clock.ts";
import { InvalidRequestError } from "../rhp4/errors.ts";
import { type HostPrices, hostPricesExpired, verifyHostPrices } from "../rhp4/host-prices.ts";
import { RpcError } from "../rhp4/rpc-error.ts";
import type { RpcStream } from "../rhp4/rpc-stream.ts";
import { settings } from "../rhp4/settings.ts";
import { withinLimits } from "./deadline.ts";
import type { HostConnection, HostDialer, HostTarget } from "./host-dialer.ts";
import { HostError, hostErrorFrom } from "./host-error.ts";
import type { HostPoolConfig } from "./host-pool-config.ts";
import { Semaphore } from "./semaphore.ts";
import { Singleflight } from "./singleflight.ts";

// States of one host's session:
//
//   no connection ──call──▶ dialling ──▶ connected ──pause──▶ suspect ──answers──▶ connected
//        ▲                     │             │                   │
//        └──────failed─────────┘◀──broken────┘◀──────silent──────┘
//
// Always: at most one connection for new calls, at most one dial and one fetch of prices in progress. A call that
// finds an existing connection broken is repeated once on a new one, because the old one may have ended unnoticed.

interface Link {
  readonly connection: HostConnection;
  /** Time of the last progress on the connection. */
  movedAtMs: number;
  /** Not used since a pause during which the connection may have died. */
  suspect: boolean;
}

export interface SessionOptions {
  readonly host: HostTarget;
  readonly dialer: HostDialer;
  readonly clock: Clock;
  readonly config: HostPoolConfig;
  readonly onConnected: () => void;
}

/** All state for one host: its connection, its prices and its limit of parallel calls. */
export class HostSession {
  readonly gate: Semaphore;
  readonly #options: SessionOptions;
  readonly #dials: Singleflight<Link>;
  readonly #fetches: Singleflight<HostPrices>;
  #host: HostTarget;
  #link: Link | undefined;
  #prices: HostPrices | undefined;
  #calls = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#host = options.host;
    this.gate = new Semaphore(options.config.maxRpcsPerHost);
    this.#dials = new Singleflight((signal) => this.#open(signal));
    this.#fetches = new Singleflight((signal) => this.#fetchPrices(signal));
  }

  /** The next dial uses this target, because a host may have announced new addresses. */
  set target(host: HostTarget) {
    this.#host = host;
  }

  get isConnected(): boolean {
    return this.#link !== undefined;
  }

  get isIdle(): boolean {
    return this.#calls === 0;
  }

  get movedAtMs(): number {
    return this.#link?.movedAtMs ?? 0;
  }

  /** Runs one RPC on its own stream. Rejects with the signal's reason when the signal aborts. */
  async call<Result>(signal: AbortSignal, rpc: (stream: RpcStream) => Promise<Result>): Promise<Result> {
    const before = this.#usableLink();
    if (before) {
      try {
        return await this.#callOn(before, signal, rpc);
      } catch (error) {
        signal.throwIfAborted();
        if (hostErrorFrom(this.#host.hostKey, error)?.code !== "connection-lost") throw error;
      }
    }
    return this.#callOn(await this.#dials.join(signal), signal, rpc);
  }

  /** Prices signed by this host that do not expire within `pricesMarginMs`, or that were fetched just now. */
  async prices(signal: AbortSignal): Promise<HostPrices> {
    const { clock, config } = this.#options;
    // Testing the connection fetches new prices; those from before the pause are not used.
    if (this.#link?.suspect) await this.#dials.join(signal);
    const known = this.#prices;
    if (known && !hostPricesExpired(known, clock.now() + config.pricesMarginMs)) return known;
    return this.#fetches.join(signal);
  }

  /** Call it after the host refused these prices; newer ones are kept. */
  forgetPrices(refused: HostPrices): void {
    if (this.#prices === refused) this.#prices = undefined;
  }

  /** Call it after the process may have been frozen: connections may be dead without notice. */
  suspectAfterPause(): void {
    const { clock, config } = this.#options;
    if (!this.#link) return;
    const pauseMs = clock.now() - this.#link.movedAtMs;
    if (pauseMs > config.dropIdleMs || pauseMs < 0) this.disconnect("unused for too long");
    else if (pauseMs > config.trustIdleMs) this.#link.suspect = true;
  }

  disconnect(why: string): void {
    if (this.#link) this.#drop(this.#link, new HostError(this.#host.hostKey, "connection-lost", why));
  }

  /** Resolves when no dial and no fetch of prices is in progress. */
  async settled(): Promise<void> {
    await Promise.all([this.#dials.settled(), this.#fetches.settled()]);
  }

  async close(): Promise<void> {
    await this.settled();
    const link = this.#link;
    this.#link = undefined;
    link?.connection.close();
    await link?.connection.closed;
  }

  #usableLink(): Link | undefined {
    const link = this.#link;
    return link && !link.suspect && !link.connection.isClosed ? link : undefined;
  }

  async #callOn<Result>(
    link: Link,
    signal: AbortSignal,
    rpc: (stream: RpcStream) => Promise<Result>,
  ): Promise<Result> {
    const { clock } = this.#options;
    signal.throwIfAborted();
    const startedAtMs = clock.now();
    const stream = link.connection.openStream();
    const abort = () => stream.destroy(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    this.#calls++;
    try {
      return await rpc(stream);
    } catch (error) {
      this.#judge(link, error, signal, startedAtMs);
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#calls--;
    }
  }

  /** After a failed call: drops its connection if the connection can no longer be used. */
  #judge(link: Link, error: unknown, signal: AbortSignal, startedAtMs: number): void {
    if (error instanceof RpcError || error instanceof InvalidRequestError) return;
    const { clock, config } = this.#options;
    if (signal.aborted) {
      const silentMs = clock.now() - Math.max(startedAtMs, link.movedAtMs);
      if (silentMs < config.silentConnectionMs) return;
    }
    this.#drop(link, error instanceof Error ? error : new Error("the call failed", { cause: error }));
  }

  #drop(link: Link, cause: Error): void {
    if (this.#link === link) this.#link = undefined;
    link.connection.destroy(cause);
  }

  async #open(signal: AbortSignal): Promise<Link> {
    const { dialer, clock, onConnected } = this.#options;
    const old = this.#link;
    if (old && !old.connection.isClosed && (!old.suspect || (await this.#answers(old, signal)))) return old;
    if (old) this.#drop(old, new HostError(this.#host.hostKey, "connection-lost", "no answer after a pause"));
    const connection = await dialer(this.#host, signal);
    if (signal.aborted) {
      connection.close();
      await connection.closed;
      signal.throwIfAborted();
    }
    const link: Link = { connection, movedAtMs: clock.now(), suspect: false };
    connection.onMoved(() => {
      link.movedAtMs = clock.now();
    });
    this.#link = link;
    void connection.closed.then(() => {
      if (this.#link === link) this.#link = undefined;
    });
    onConnected();
    return link;
  }

  /**
   * Tests the connection by a request for the host's settings: it is free, takes one round trip, and returns fresh
   * prices.
   */
  async #answers(link: Link, signal: AbortSignal): Promise<boolean> {
    const { testDeadlineMs } = this.#options.config;
    try {
      await this.#limited(testDeadlineMs, signal, (limited) => this.#callOn(link, limited, this.#askPrices));
      link.suspect = false;
      return true;
    } catch (error) {
      signal.throwIfAborted();
      link.suspect = !(error instanceof RpcError);
      return !link.suspect;
    }
  }

  #fetchPrices(signal: AbortSignal): Promise<HostPrices> {
    const { queryDeadlineMs } = this.#options.config;
    return this.#limited(queryDeadlineMs, signal, (limited) => this.call(limited, this.#askPrices));
  }

  readonly #askPrices = async (stream: RpcStream): Promise<HostPrices> => {
    const { prices } = await settings(stream);
    verifyHostPrices(prices, this.#host.hostKey, this.#options.clock.now());
    this.#prices = prices;
    return prices;
  };

  #limited<Result>(
    deadlineMs: number,
    signal: AbortSignal,
    run: (limited: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const { hostKey } = this.#host;
    return withinLimits(
      {
        clock: this.#options.clock,
        deadlineMs,
        signals: [signal],
        onDeadline: () => new HostError(hostKey, "timed-out", `no answer within ${deadlineMs} ms`),
        onAbort: (reason) => new HostError(hostKey, "aborted", "the request was cancelled", reason),
      },
      run,
    );
  }
}
