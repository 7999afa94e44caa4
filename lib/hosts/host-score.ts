/** Weight of the newest sample in every moving average: the same as in indexd. */
const NEWEST_WEIGHT = 0.2;
/** Without new samples a failure rate halves in this time, so that a host that recovered is tried again. */
const FAILURE_HALF_LIFE_MS = 60_000;
/** Below this rate a host counts as free of failures: a single failure is forgotten after about five minutes. */
const NEGLIGIBLE_FAILURE_RATE = 0.01;
const LEAST_WEIGHT = 0.01;
const MOST_SPEED_UP = 4;

/** An exponential moving average; undefined before the first sample. */
export class MovingAverage {
  #value: number | undefined;
  #isMeasured = false;

  get value(): number | undefined {
    return this.#value;
  }

  /** Sets the initial value from others' measurements; may be called again until the first sample of our own. */
  start(value: number | undefined): void {
    if (!this.#isMeasured) this.#value = value;
  }

  add(sample: number): void {
    this.#isMeasured = true;
    this.#value =
      this.#value === undefined ? sample : NEWEST_WEIGHT * sample + (1 - NEWEST_WEIGHT) * this.#value;
  }
}

/**
 * A temporary property of a host, seen by us or reported by others. It expires, or ends at once when it is disproved.
 */
export class ExpiringFlag {
  readonly #forgetAfterMs: number;
  #seenAtMs: number | undefined;
  #saidAtMs: number | undefined;

  constructor(forgetAfterMs: number) {
    this.#forgetAfterMs = forgetAfterMs;
  }

  see(nowMs: number): void {
    this.#seenAtMs = nowMs;
  }

  /** A report replaces earlier reports, but not what we saw ourselves. */
  hear(isSo: boolean, nowMs: number): void {
    this.#saidAtMs = isSo ? nowMs : undefined;
  }

  clear(): void {
    this.#seenAtMs = undefined;
    this.#saidAtMs = undefined;
  }

  at(nowMs: number): boolean {
    // If the clock was set back, a time can lie in the future: a time far in the future counts as expired.
    return [this.#seenAtMs, this.#saidAtMs].some(
      (atMs) => atMs !== undefined && Math.abs(nowMs - atMs) < this.#forgetAfterMs,
    );
  }
}

/** Share of a host's recent requests that failed by its own fault. */
export class FailureRate {
  #rate: number | undefined;
  #halvedAtMs = 0;
  #isMeasured = false;

  add(failed: boolean, nowMs: number): void {
    const sample = failed ? 1 : 0;
    this.#isMeasured = true;
    if (this.#rate === undefined) {
      this.#rate = sample;
      this.#halvedAtMs = nowMs;
      return;
    }
    this.#halve(nowMs);
    this.#rate = NEWEST_WEIGHT * sample + (1 - NEWEST_WEIGHT) * this.#rate;
  }

  /** Sets the initial rate as if measured now; may be called again until the first sample of our own. */
  start(rate: number, nowMs: number): void {
    if (this.#isMeasured) return;
    this.#rate = Math.min(1, Math.max(0, rate));
    this.#halvedAtMs = nowMs;
  }

  at(nowMs: number): number {
    this.#halve(nowMs);
    const rate = this.#rate ?? 0;
    return rate < NEGLIGIBLE_FAILURE_RATE ? 0 : rate;
  }

  /** Decays only by whole half-lives, as in indexd, so that two hosts compared in the same minute keep their order. */
  #halve(nowMs: number): void {
    if (this.#rate === undefined) return;
    const halfLives = Math.floor((nowMs - this.#halvedAtMs) / FAILURE_HALF_LIFE_MS);
    if (halfLives <= 0) return;
    this.#rate *= 0.5 ** halfLives;
    this.#halvedAtMs += halfLives * FAILURE_HALF_LIFE_MS;
  }
}

/** What this process knows about one host: from its own requests, or before the first one from the fleet's scores. */
export interface HostScore {
  /** 0..1 */
  readonly failureRate: number;
  /** Mean of the read rate and the write rate. If only one rate is known, that rate; if none is known, undefined. */
  readonly bytesPerSecond: number | undefined;
  readonly inFlight: number;
}

/**
 * Negative: `a` is preferred. The order of docs/protocol.md#host-client: fewer failures; then hosts without a measured
 * rate, those with fewer transfers in flight first; then hosts with the higher rate per transfer, if one more transfer
 * is added.
 */
export function compareHostScores(a: HostScore, b: HostScore): number {
  if (a.failureRate !== b.failureRate) return a.failureRate - b.failureRate;
  if (a.bytesPerSecond === undefined || b.bytesPerSecond === undefined) {
    if (a.bytesPerSecond !== b.bytesPerSecond) return a.bytesPerSecond === undefined ? -1 : 1;
    return a.inFlight - b.inFlight;
  }
  return b.bytesPerSecond / (b.inFlight + 1) - a.bytesPerSecond / (a.inFlight + 1);
}

/**
 * A host's relative probability of being chosen. A thousand workers with the same scores must not all choose the same
 * host, so candidates are drawn at random by weight instead of sorted. An unmeasured host has weight 1, like a host of
 * the network's usual speed; the share of successful requests counts squared, and the speed counts at most as four
 * times the usual. Always positive.
 */
export function weightOfHostScore(score: HostScore, usualBytesPerSecond: number): number {
  const reliability = (1 - score.failureRate) ** 2;
  const speed = score.bytesPerSecond === undefined ? 1 : score.bytesPerSecond / usualBytesPerSecond;
  return Math.max(LEAST_WEIGHT, (reliability * Math.min(MOST_SPEED_UP, speed)) / (score.inFlight + 1));
}
