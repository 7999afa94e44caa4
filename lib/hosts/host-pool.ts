import type { Clock } from "../clock/clock.ts";
import { accountBalance } from "../rhp4/account-balance.ts";
import type { AccountSigner } from "../rhp4/account-token.ts";
import type { HostPrices, PriceLimit } from "../rhp4/host-prices.ts";
import { type LatestRevision, latestRevision } from "../rhp4/latest-revision.ts";
import { RpcError } from "../rhp4/rpc-error.ts";
import type { RpcStream } from "../rhp4/rpc-stream.ts";
import type { ContractId, HostKey } from "../slab/ids.ts";
import { AccountTokens } from "./account-tokens.ts";
import { createChargeMeter } from "./charge-meter.ts";
import { withinLimits } from "./deadline.ts";
import type { HostDialer, HostTarget } from "./host-dialer.ts";
import { HostError, hostErrorFrom } from "./host-error.ts";
import { defaultHostPoolConfig, type HostPoolConfig } from "./host-pool-config.ts";
import type { HostScore } from "./host-score.ts";
import { HostSession } from "./host-session.ts";
import type { PaidRpc } from "./paid-rpc.ts";
import { type Direction, ScoreBoard } from "./score-board.ts";
import type { HostSample, SharedHostScore } from "./shared-score.ts";

/** The conditions of a paid call. */
export interface CallTerms {
  readonly signal: AbortSignal;
  /** A host with a higher price is not asked: `too-expensive`. */
  readonly priceLimit?: PriceLimit;
  /** Limit for the whole call, including waiting for its turn. Default: `transferDeadlineMs`. */
  readonly deadlineMs?: number;
  /**
   * Reserves hastings before the host is asked, and returns a function that releases them when the call has ended. If
   * it returns undefined, too few hastings are left, and the call fails with `cost-limit` before the host is asked.
   */
  readonly reserve?: (hastings: bigint) => (() => void) | undefined;
  /**
   * Called, before the promise settles, with the hastings that the host charged or may have charged; also for a call
   * that failed or was cancelled.
   */
  readonly onCharged?: (hastings: bigint) => void;
}

/** The promise of a failed request rejects with a HostError; any other error is a bug. */
export interface HostPool {
  /**
   * One paid call; if the host says that its prices have expired, they are fetched again and the call is repeated once.
   */
  call<Request, Result extends object>(
    host: HostTarget,
    rpc: PaidRpc<Request, Result>,
    terms: CallTerms,
  ): Promise<Result & { readonly durationMs: number }>;
  /**
   * The host's signed prices. These prices are valid for at least half a minute more. If the host signs prices for less
   * than half a minute, the returned prices were fetched just now.
   */
  prices(host: HostTarget, signal: AbortSignal): Promise<HostPrices>;
  /** Our account's balance on the host, in hastings. */
  balance(host: HostTarget, signal: AbortSignal): Promise<bigint>;
  /** The latest revision of a contract as the host has it. The query is free and needs no signature. NOT verified. */
  latestRevision(host: HostTarget, contractId: ContractId, signal: AbortSignal): Promise<LatestRevision>;

  score(hostKey: HostKey): HostScore;
  /** The host's relative weight for random selection; positive. */
  weight(hostKey: HostKey): number;
  /**
   * Whether the host refused a sector for lack of space in the last minutes: seen by this process, or by other workers.
   */
  isFull(hostKey: HostKey): boolean;
  /** Uses the fleet's scores for hosts that this pool has not used itself. */
  startFrom(scores: Iterable<SharedHostScore>): void;
  /** Measurements since the last call, to be reported to the fleet. */
  takeSamples(): HostSample[];
  /** Call it after the host sent data or a root that is provably wrong. */
  reportWrongData(hostKey: HostKey): void;
  /** Expected duration of a transfer of this size, derived from the rates of the hosts used so far. */
  expectedMs(direction: Direction, lengthBytes: number): number;
  /** How long a transfer of this size may take before another host is asked too. */
  hedgeAfterMs(direction: Direction, lengthBytes: number): number;

  /** Call it when a function is invoked again: connections that may have died during a freeze are tested before use. */
  checkReused(): Promise<void>;
  /**
   * Resolves when all present work has ended. Before a Lambda function returns, it aborts its signals and then awaits
   * this.
   */
  idle(): Promise<void>;
  /** Aborts all requests, waits for their end and closes all connections; later requests are refused. */
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

class Pool implements HostPool {
  readonly #options: HostPoolOptions;
  readonly #config: HostPoolConfig;
  readonly #scores: ScoreBoard;
  readonly #tokens: AccountTokens;
  readonly #sessions = new Map<HostKey, HostSession>();
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(options: HostPoolOptions) {
    this.#options = options;
    this.#config = { ...defaultHostPoolConfig, ...options.config };
    this.#scores = new ScoreBoard(options.clock);
    this.#tokens = new AccountTokens(options.account, this.#config.tokenMs);
  }

  async call<Request, Result extends object>(
    host: HostTarget,
    rpc: PaidRpc<Request, Result>,
    terms: CallTerms,
  ): Promise<Result & { readonly durationMs: number }> {
    const { clock } = this.#options;
    const { hostKey } = host;
    const { priceLimit, deadlineMs = this.#config.transferDeadlineMs } = terms;
    const session = this.#session(host);
    const charges = createChargeMeter();
    const reserved: (() => void)[] = [];
    const ended = this.#scores.begin(hostKey);
    /** Start of the RPC itself; the time before was spent waiting for a turn, a connection or prices. */
    let startedAtMs: number | undefined;
    const elapsedMs = () => (startedAtMs === undefined ? undefined : clock.now() - startedAtMs);

    const payAndRun = async (prices: HostPrices, signal: AbortSignal): Promise<Result> => {
      if (priceLimit !== undefined) assertWithin(priceLimit, prices, hostKey);
      const cost = rpc.cost(prices);
      const giveBack = terms.reserve === undefined ? () => {} : terms.reserve(cost);
      if (giveBack === undefined)
        throw new HostError(
          hostKey,
          "cost-limit",
          `not asked: the call would cost ${cost} H, more than is left of the limit`,
        );
      reserved.push(giveBack);
      const token = this.#tokens.tokenFor(hostKey, clock.now());
      return session.call(signal, async (stream) => {
        startedAtMs = clock.now();
        try {
          return await rpc.run(stream, { prices, token }, rpc.request, () => charges.begin(cost));
        } catch (error) {
          charges.failed(error);
          throw error;
        }
      });
    };

    try {
      const result = await this.#within(host, deadlineMs, terms.signal, async (signal) => {
        const leave = await session.gate.enter(1, signal);
        try {
          const prices = await session.prices(signal);
          try {
            return await payAndRun(prices, signal);
          } catch (error) {
            if (!isOfStalePrices(error)) throw error;
            session.forgetPrices(prices);
            return await payAndRun(await session.prices(signal), signal);
          }
        } finally {
          leave();
        }
      });
      const durationMs = elapsedMs() ?? 0;
      this.#scores.addSuccess(hostKey, rpc.direction, rpc.lengthBytes, durationMs);
      return { ...result, durationMs };
    } catch (error) {
      if (error instanceof HostError) this.#noteFailure(error, rpc, elapsedMs());
      throw error;
    } finally {
      ended();
      if (charges.hastings > 0n) terms.onCharged?.(charges.hastings);
      for (const giveBack of reserved) giveBack();
    }
  }

  prices(host: HostTarget, signal: AbortSignal): Promise<HostPrices> {
    return this.#query(host, signal, (session, limited) => session.prices(limited));
  }

  balance(host: HostTarget, signal: AbortSignal): Promise<bigint> {
    const { account } = this.#options.account;
    return this.#ask(host, signal, (stream) => accountBalance(stream, account));
  }

  latestRevision(host: HostTarget, contractId: ContractId, signal: AbortSignal): Promise<LatestRevision> {
    return this.#ask(host, signal, (stream) => latestRevision(stream, contractId));
  }

  score(hostKey: HostKey): HostScore {
    return this.#scores.score(hostKey);
  }

  weight(hostKey: HostKey): number {
    return this.#scores.weight(hostKey);
  }

  isFull(hostKey: HostKey): boolean {
    return this.#scores.isFull(hostKey);
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

  hedgeAfterMs(direction: Direction, lengthBytes: number): number {
    return this.#scores.hedgeAfterMs(direction, lengthBytes);
  }

  async checkReused(): Promise<void> {
    for (const session of this.#sessions.values()) session.suspectAfterPause();
  }

  async idle(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await Promise.all([...this.#sessions.values()].map((session) => session.settled()));
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the host pool was closed"));
    while (this.#underWay.size > 0) await this.idle();
    await Promise.all([...this.#sessions.values()].map((session) => session.close()));
  }

  /** A free call. */
  #ask<Result>(
    host: HostTarget,
    signal: AbortSignal,
    run: (stream: RpcStream) => Promise<Result>,
  ): Promise<Result> {
    return this.#query(host, signal, async (session, limited) => {
      const leave = await session.gate.enter(1, limited);
      try {
        return await session.call(limited, run);
      } finally {
        leave();
      }
    });
  }

  #query<Result>(
    host: HostTarget,
    signal: AbortSignal,
    run: (session: HostSession, limited: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    return this.#within(host, this.#config.queryDeadlineMs, signal, async (limited) => {
      try {
        return await run(this.#session(host), limited);
      } catch (error) {
        if (hostErrorFrom(host.hostKey, error)?.isHostFault) this.#scores.addFailure(host.hostKey);
        throw error;
      }
    });
  }

  #noteFailure(
    failure: HostError,
    { direction, lengthBytes }: Pick<PaidRpc<unknown, object>, "direction" | "lengthBytes">,
    elapsedMs: number | undefined,
  ): void {
    const { hostKey } = failure;
    if (failure.code === "not-enough-funds") this.#scores.addOutOfFunds(hostKey);
    if (failure.code === "not-enough-storage") this.#scores.addFull(hostKey);
    if (failure.code === "timed-out") {
      // If the RPC never started, the request only waited for its turn, which is not the host's fault.
      if (elapsedMs !== undefined) this.#scores.addTimeout(hostKey, direction, lengthBytes, elapsedMs);
    } else if (failure.code === "aborted") {
      // A request cancelled after more than its expected time was too slow: another host won the race.
      const slow = elapsedMs !== undefined && elapsedMs >= this.#scores.hedgeAfterMs(direction, lengthBytes);
      if (slow) this.#scores.addFailure(hostKey);
    } else if (failure.isHostFault) {
      this.#scores.addFailure(hostKey);
    }
  }

  /** Runs work until a deadline, the signal, or the pool's end. Any failure is a HostError or a bug. */
  #within<Result>(
    { hostKey }: HostTarget,
    deadlineMs: number,
    signal: AbortSignal,
    run: (limited: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const limits = {
      clock: this.#options.clock,
      deadlineMs,
      signals: [this.#closing.signal, signal],
      onDeadline: () => new HostError(hostKey, "timed-out", `not done within ${Math.round(deadlineMs)} ms`),
      onAbort: (reason: unknown) => new HostError(hostKey, "aborted", "the request was cancelled", reason),
    };
    const request = withinLimits(limits, run).catch((error: unknown) => {
      throw hostErrorFrom(hostKey, error) ?? error;
    });
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

function isOfStalePrices(error: unknown): boolean {
  return (
    error instanceof RpcError &&
    (error.code === "prices-expired" || error.code === "prices-signature-refused")
  );
}

/** Checks the price table with which the call will be paid: a host may raise its prices with every new table. */
function assertWithin(limit: PriceLimit, prices: HostPrices, hostKey: HostKey): void {
  for (const name of ["egressPrice", "ingressPrice", "storagePrice"] as const) {
    const most = limit[name];
    if (most === undefined || prices[name] <= most) continue;
    throw new HostError(hostKey, "too-expensive", `${name}: expected at most ${most}, got ${prices[name]}`);
  }
}
