import type { Clock } from "../clock/clock.ts";
import { accountBalance } from "../rhp4/account-balance.ts";
import { type AccountSigner, createAccountToken } from "../rhp4/account-token.ts";
import { readSectorCost, writeSectorCost } from "../rhp4/costs.ts";
import type { HostPrices, PriceLimit } from "../rhp4/host-prices.ts";
import type { Payment } from "../rhp4/payment.ts";
import { readSector } from "../rhp4/read-sector.ts";
import { RpcError } from "../rhp4/rpc-error.ts";
import type { RpcStream } from "../rhp4/rpc-stream.ts";
import { writeSector } from "../rhp4/write-sector.ts";
import type { HostKey, Root } from "../slab/ids.ts";
import { type ChargeMeter, createChargeMeter } from "./charge-meter.ts";
import { withinLimits } from "./deadline.ts";
import type { HostDialer, HostTarget } from "./host-dialer.ts";
import { HostError, hostErrorFrom } from "./host-error.ts";
import { defaultHostPoolConfig, type HostPoolConfig } from "./host-pool-config.ts";
import type { HostScore } from "./host-score.ts";
import { HostSession } from "./host-session.ts";
import { type Direction, ScoreBoard } from "./score-board.ts";
import { Semaphore } from "./semaphore.ts";
import type { HostSample, SharedHostScore } from "./shared-score.ts";

interface PaidRequest {
  /** A host that asks more is not asked: `too-expensive`. */
  readonly priceLimit?: PriceLimit;
  /**
   * Told, before the promise settles, the hastings that the host took from our account, or may have taken: also for a transfer
   * that failed or was given up.
   */
  readonly onCharged?: (hastings: bigint) => void;
}

interface ReadRangeRequest extends PaidRequest {
  readonly root: Root;
  /** Multiples of 64, within the sector. */
  readonly offset: number;
  readonly length: number;
  /** `length` bytes. Nothing writes to it after the promise has settled; after a rejection its content is unspecified. */
  readonly into: Uint8Array;
}

interface WriteSectorRequest extends PaidRequest {
  /** Must not change until the promise has settled. */
  readonly data: Uint8Array;
}

/** Every request rejects with a HostError; any other error is a bug. */
export interface HostPool {
  /** The data is not verified: see readSector. */
  readRange(
    host: HostTarget,
    request: ReadRangeRequest,
    signal: AbortSignal,
  ): Promise<{ readonly proof: readonly Uint8Array[]; readonly durationMs: number }>;
  /** The root is what the host says: compare it. */
  writeSector(
    host: HostTarget,
    request: WriteSectorRequest,
    signal: AbortSignal,
  ): Promise<{ readonly root: Root; readonly durationMs: number }>;
  /** Signed by the host, and valid for half a minute or longer if the host's own prices are. */
  prices(host: HostTarget, signal: AbortSignal): Promise<HostPrices>;
  /** Hastings that our account has on the host. */
  balance(host: HostTarget, signal: AbortSignal): Promise<bigint>;

  score(hostKey: HostKey): HostScore;
  /** How likely the host should be drawn among others; positive. */
  weight(hostKey: HostKey): number;
  /** As `weight`, for a host that is to store something: a full one hardly ever. */
  storingWeight(hostKey: HostKey): number;
  /** Begins with what the fleet knows of hosts that this pool has not used itself. */
  startFrom(scores: Iterable<SharedHostScore>): void;
  /** What was measured since the last call, to be reported to the fleet. */
  takeSamples(): HostSample[];
  /** The host sent data or a root that is provably not what it should be. */
  reportWrongData(hostKey: HostKey): void;
  /** What a transfer of this size takes on the hosts used so far. */
  expectedMs(direction: Direction, lengthBytes: number): number;
  /** How long a read of this size may take before another host is asked too. */
  hedgeAfterMs(lengthBytes: number): number;

  /** To be called when a function is invoked again: connections that may have died in a freeze are tested before use. */
  checkReused(): Promise<void>;
  /** Resolves when nothing is under way: to be awaited before a function returns, after its signals have aborted. */
  idle(): Promise<void>;
  /** Aborts and awaits everything; later requests are refused. */
  close(): Promise<void>;
}

export interface HostPoolOptions {
  readonly dialer: HostDialer;
  readonly account: AccountSigner;
  readonly clock: Clock;
  readonly config?: Partial<HostPoolConfig>;
}

export function createHostPool(options: HostPoolOptions): HostPool {
  return new Pool(options);
}

interface Transfer extends PaidRequest {
  readonly direction: Direction;
  readonly lengthBytes: number;
}

type PaidRpc<Result> = (stream: RpcStream, payment: Payment, charges: ChargeMeter) => Promise<Result>;

class Pool implements HostPool {
  readonly #options: HostPoolOptions;
  readonly #config: HostPoolConfig;
  readonly #scores: ScoreBoard;
  readonly #sessions = new Map<HostKey, HostSession>();
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #rpcs: Semaphore;
  readonly #bytes: Semaphore;

  constructor(options: HostPoolOptions) {
    this.#options = options;
    this.#config = { ...defaultHostPoolConfig, ...options.config };
    this.#scores = new ScoreBoard(options.clock);
    this.#rpcs = new Semaphore(this.#config.maxRpcs);
    this.#bytes = new Semaphore(this.#config.maxBytesInFlight);
  }

  readRange(host: HostTarget, request: ReadRangeRequest, signal: AbortSignal) {
    const transfer = { direction: "read", lengthBytes: request.length, ...request } as const;
    return this.#transfer(host, transfer, signal, async (stream, payment, charges) => {
      charges.begin(readSectorCost(payment.prices, request.length));
      const { root, offset, length, into } = request;
      return await readSector(stream, { root, offset, length, into, ...payment });
    });
  }

  writeSector(host: HostTarget, request: WriteSectorRequest, signal: AbortSignal) {
    const { data } = request;
    const transfer = { direction: "write", lengthBytes: data.length, ...request } as const;
    return this.#transfer(host, transfer, signal, async (stream, payment, charges) => {
      // Nothing is charged for a sector that the host was not sent whole.
      const onSent = (): void => charges.begin(writeSectorCost(payment.prices, data.length));
      return await writeSector(stream, { ...payment, data, onSent });
    });
  }

  prices(host: HostTarget, signal: AbortSignal): Promise<HostPrices> {
    return this.#query(host, signal, (session, limited) => session.prices(limited));
  }

  balance(host: HostTarget, signal: AbortSignal): Promise<bigint> {
    const { account } = this.#options.account;
    return this.#query(host, signal, async (session, limited) => {
      const leave = await session.gate.enter(1, limited);
      try {
        return await session.call(limited, (stream) => accountBalance(stream, account));
      } finally {
        leave();
      }
    });
  }

  score(hostKey: HostKey): HostScore {
    return this.#scores.score(hostKey);
  }

  weight(hostKey: HostKey): number {
    return this.#scores.weight(hostKey);
  }

  storingWeight(hostKey: HostKey): number {
    return this.#scores.storingWeight(hostKey);
  }

  startFrom(scores: Iterable<SharedHostScore>): void {
    this.#scores.startFrom(scores);
  }

  takeSamples(): HostSample[] {
    return this.#scores.takeSamples();
  }

  reportWrongData(hostKey: HostKey): void {
    this.#scores.addLie(hostKey);
  }

  expectedMs(direction: Direction, lengthBytes: number): number {
    return this.#scores.expectedMs(direction, lengthBytes);
  }

  hedgeAfterMs(lengthBytes: number): number {
    return this.#scores.hedgeAfterMs("read", lengthBytes);
  }

  async checkReused(): Promise<void> {
    for (const session of this.#sessions.values()) session.suspectAfterPause();
  }

  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    await Promise.all([...this.#sessions.values()].map((session) => session.settled()));
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the host pool was closed"));
    await this.idle();
    await Promise.all([...this.#sessions.values()].map((session) => session.close()));
  }

  #query<Result>(
    host: HostTarget,
    signal: AbortSignal,
    run: (session: HostSession, limited: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    return this.#request(host, this.#config.queryDeadlineMs, signal, async (session, limited) => {
      try {
        return await run(session, limited);
      } catch (error) {
        if (hostErrorFrom(host.hostKey, error)?.isHostFault) this.#scores.addFailure(host.hostKey);
        throw error;
      }
    });
  }

  #transfer<Result extends object>(
    host: HostTarget,
    { direction, lengthBytes, priceLimit, onCharged }: Transfer,
    signal: AbortSignal,
    rpc: PaidRpc<Result>,
  ): Promise<Result & { readonly durationMs: number }> {
    const { clock } = this.#options;
    const { hostKey } = host;
    return this.#request(host, this.#config.transferDeadlineMs, signal, async (session, limited) => {
      let startedAtMs: number | undefined;
      const elapsedMs = () => (startedAtMs === undefined ? undefined : clock.now() - startedAtMs);
      const ended = this.#scores.begin(hostKey);
      const charges = createChargeMeter();
      const leave: (() => void)[] = [];
      try {
        leave.push(await session.gate.enter(1, limited));
        leave.push(await this.#rpcs.enter(1, limited));
        leave.push(await this.#bytes.enter(lengthBytes, limited));
        const result = await this.#paid(session, host, priceLimit, limited, async (stream, payment) => {
          startedAtMs = clock.now();
          try {
            return await rpc(stream, payment, charges);
          } catch (error) {
            charges.failed(error);
            throw error;
          }
        });
        const durationMs = elapsedMs() ?? 0;
        this.#scores.addSuccess(hostKey, direction, lengthBytes, durationMs);
        return { ...result, durationMs };
      } catch (error) {
        this.#noteFailure(hostKey, direction, lengthBytes, elapsedMs(), error);
        throw error;
      } finally {
        for (const give of leave) give();
        ended();
        if (charges.hastings > 0n) onCharged?.(charges.hastings);
      }
    });
  }

  /** One paid call; when the host says that its prices expired, they are fetched again and it is repeated once. */
  async #paid<Result>(
    session: HostSession,
    host: HostTarget,
    priceLimit: PriceLimit | undefined,
    signal: AbortSignal,
    rpc: (stream: RpcStream, payment: Payment) => Promise<Result>,
  ): Promise<Result> {
    const once = async (prices: HostPrices) => {
      const { account, clock } = this.#options;
      if (priceLimit !== undefined) assertWithin(priceLimit, prices, host.hostKey);
      const token = createAccountToken(account, host.hostKey, clock.now() + this.#config.tokenMs);
      return session.call(signal, (stream) => rpc(stream, { prices, token }));
    };
    const prices = await session.prices(signal);
    try {
      return await once(prices);
    } catch (error) {
      const stale =
        error instanceof RpcError &&
        (error.code === "prices-expired" || error.code === "prices-signature-refused");
      if (!stale) throw error;
      session.forgetPrices(prices);
      return once(await session.prices(signal));
    }
  }

  #noteFailure(
    hostKey: HostKey,
    direction: Direction,
    lengthBytes: number,
    elapsedMs: number | undefined,
    error: unknown,
  ): void {
    const failure = hostErrorFrom(hostKey, error);
    if (!failure) return;
    if (failure.code === "not-enough-funds") this.#scores.addOutOfFunds(hostKey);
    if (failure.code === "not-enough-storage") this.#scores.addFull(hostKey);
    if (failure.code === "timed-out") {
      // Without a start it only waited for its turn, which is our doing.
      if (elapsedMs !== undefined) this.#scores.addTimeout(hostKey, direction, lengthBytes, elapsedMs);
    } else if (failure.code === "aborted") {
      // Given up after longer than it should take: it lost the race against another host.
      const slow = elapsedMs !== undefined && elapsedMs >= this.#scores.hedgeAfterMs(direction, lengthBytes);
      if (slow) this.#scores.addFailure(hostKey);
    } else if (failure.isHostFault) {
      this.#scores.addFailure(hostKey);
    }
  }

  #request<Result>(
    host: HostTarget,
    deadlineMs: number,
    signal: AbortSignal,
    run: (session: HostSession, limited: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const { hostKey } = host;
    const limits = {
      clock: this.#options.clock,
      deadlineMs,
      signals: [this.#closing.signal, signal],
      onDeadline: () => new HostError(hostKey, "timed-out", `not done within ${deadlineMs} ms`),
      onAbort: (reason: unknown) => new HostError(hostKey, "aborted", "the request was given up", reason),
    };
    const request = withinLimits(limits, (limited) => run(this.#session(host), limited)).catch(
      (error: unknown) => {
        throw hostErrorFrom(hostKey, error) ?? error;
      },
    );
    this.#underWay.add(request);
    const done = () => this.#underWay.delete(request);
    request.then(done, done);
    return request;
  }

  #session(host: HostTarget): HostSession {
    const known = this.#sessions.get(host.hostKey);
    if (known) {
      known.target = host;
      return known;
    }
    const { dialer, clock } = this.#options;
    const onConnected = () => this.#closeSpareConnections(session);
    const session: HostSession = new HostSession({ host, dialer, clock, config: this.#config, onConnected });
    this.#sessions.set(host.hostKey, session);
    return session;
  }

  #closeSpareConnections(newest: HostSession): void {
    const connected = [...this.#sessions.values()].filter((session) => session.isConnected);
    const idle = connected.filter((session) => session.isIdle && session !== newest);
    const spare = idle.sort((a, b) => a.movedAtMs - b.movedAtMs);
    for (const session of spare.slice(0, Math.max(0, connected.length - this.#config.maxConnections))) {
      session.disconnect("too many connections");
    }
  }
}

/** Of the very prices that are about to be paid: a host may raise them with every table. */
function assertWithin(limit: PriceLimit, prices: HostPrices, hostKey: HostKey): void {
  for (const name of ["egressPrice", "ingressPrice", "storagePrice"] as const) {
    const most = limit[name];
    if (most === undefined || prices[name] <= most) continue;
    throw new HostError(hostKey, "too-expensive", `${name}: expected at most ${most}, got ${prices[name]}`);
  }
}
