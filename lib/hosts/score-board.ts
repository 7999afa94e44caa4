import type { Clock } from "../clock/clock.ts";
import type { HostKey } from "../slab/ids.ts";
import { ExpiringFlag, FailureRate, type HostScore, MovingAverage, weightOfHostScore } from "./host-score.ts";
import {
  FORGET_FULL_AFTER_MS,
  FORGET_OUT_OF_FUNDS_AFTER_MS,
  type HostSample,
  type SharedHostScore,
} from "./shared-score.ts";

export type Direction = "read" | "write";

/** The rates assumed until a transfer was measured; indexd assumes the same. */
const ASSUMED_BYTES_PER_SECOND: Readonly<Record<Direction, number>> = {
  read: 1_048_576,
  write: 4_194_304 / 5,
};
/** Transfers of fewer bytes do not count as measurements of a rate: they show latency rather than bandwidth. */
const LEAST_MEASURED_BYTES = 65_536;

/** A lie counts as this many failures: they raise the failure rate of a host without failures to two thirds. */
const FAILURES_PER_LIE = 5;

const HEDGE_FACTOR = 1.5;
const LEAST_HEDGE_MS = 200;
const MOST_HEDGE_MS = 120_000;
/**
 * Upper limit of {@link ScoreBoard.hedgeAfterMs} until a transfer was measured. Until then durations are computed from
 * the assumed rates, and the assumed write rate is so low that without this limit a slow first host would get more time
 * than later hosts.
 */
const MOST_HEDGE_UNMEASURED_MS = 3_000;

interface HostRecord {
  readonly failures: FailureRate;
  readonly rates: Readonly<Record<Direction, MovingAverage>>;
  readonly full: ExpiringFlag;
  readonly outOfFunds: ExpiringFlag;
  inFlight: number;
  /** Measurements since the last report. */
  sample: Mutable<Omit<HostSample, "hostKey">> | undefined;
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

const NO_SAMPLE: Omit<HostSample, "hostKey"> = {
  readBytes: 0,
  readMs: 0,
  writeBytes: 0,
  writeMs: 0,
  successes: 0,
  failures: 0,
  outOfFunds: false,
  full: false,
  stored: false,
};

/**
 * The failure rate assumed for a host on which our account was recently empty: the host is asked last, although it is
 * not at fault.
 */
const OUT_OF_FUNDS_FAILURE_RATE = 0.9;
/**
 * What this process has learnt about hosts from its own requests, starting from the fleet's scores (startFrom), and the
 * measurements not yet reported to the fleet (takeSamples).
 */
export class ScoreBoard {
  readonly #clock: Clock;
  readonly #hosts = new Map<HostKey, HostRecord>();
  readonly #network: Readonly<Record<Direction, MovingAverage>> = {
    read: new MovingAverage(),
    write: new MovingAverage(),
  };

  /** The median host's rate according to the fleet; undefined: none was reported. */
  readonly #sharedRates: Record<Direction, number | undefined> = { read: undefined, write: undefined };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Takes over the fleet's scores for hosts that this process has not used itself; may be called again with newer
   * scores. Expected durations start from the median of all hosts' rates. Weights compare a host's speed with this
   * median, so that all processes use the same reference. Half of the hosts have a weight of 1 or more. No host has a
   * weight above 4: this limits how often a fleet of workers chooses the same host
   * (docs/decisions/0007-host-scores.md).
   */
  startFrom(scores: Iterable<SharedHostScore>): void {
    const nowMs = this.#clock.now();
    const rates: Record<Direction, number[]> = { read: [], write: [] };
    for (const { hostKey, readRate, writeRate, failureRate, outOfFunds, full } of scores) {
      const record = this.#record(hostKey);
      // A sample that was not reported yet is newer than what the fleet knows.
      record.full.hear(full && record.sample?.stored !== true, nowMs);
      record.outOfFunds.hear(outOfFunds && !record.sample?.successes, nowMs);
      record.failures.start(failureRate, nowMs);
      record.rates.read.start(readRate);
      record.rates.write.start(writeRate);
      if (readRate !== undefined) rates.read.push(readRate);
      if (writeRate !== undefined) rates.write.push(writeRate);
    }
    for (const direction of ["read", "write"] as const) {
      this.#sharedRates[direction] = median(rates[direction]);
      this.#network[direction].start(this.#sharedRates[direction]);
    }
  }

  /** Measurements since the last call. They are returned only once: if reporting them fails, they are lost. */
  takeSamples(): HostSample[] {
    return [...this.#hosts].flatMap(([hostKey, record]) => {
      const { sample } = record;
      record.sample = undefined;
      return sample === undefined ? [] : [{ hostKey, ...sample }];
    });
  }

  addOutOfFunds(host: HostKey): void {
    this.#record(host).outOfFunds.see(this.#clock.now());
    this.#sample(host).outOfFunds = true;
  }

  addFull(host: HostKey): void {
    this.#record(host).full.see(this.#clock.now());
    const sample = this.#sample(host);
    sample.full = true;
    sample.stored = false;
  }

  /** Whether the host refused a sector for lack of space at most {@link FORGET_FULL_AFTER_MS} ago. */
  isFull(host: HostKey): boolean {
    return this.#hosts.get(host)?.full.at(this.#clock.now()) === true;
  }

  /** Counts a transfer in flight until the returned function is called. */
  begin(host: HostKey): () => void {
    const record = this.#record(host);
    record.inFlight++;
    return () => {
      record.inFlight--;
    };
  }

  addSuccess(host: HostKey, direction: Direction, lengthBytes: number, durationMs: number): void {
    this.#record(host).failures.add(false, this.#clock.now());
    const sample = this.#sample(host);
    sample.successes++;
    this.#record(host).outOfFunds.clear();
    sample.outOfFunds = false;
    if (direction === "write") {
      this.#record(host).full.clear();
      sample.full = false;
      sample.stored = true;
    }
    if (durationMs <= 0) return;
    this.#measure(sample, direction, lengthBytes, durationMs);
    const bytesPerSecond = (lengthBytes * 1000) / durationMs;
    this.#record(host).rates[direction].add(bytesPerSecond);
    if (lengthBytes >= LEAST_MEASURED_BYTES) this.#network[direction].add(bytesPerSecond);
  }

  addFailure(host: HostKey): void {
    this.#record(host).failures.add(true, this.#clock.now());
    this.#sample(host).failures++;
  }

  /** The host sent data or a root that is provably wrong: this counts as several failures. */
  addLie(host: HostKey): void {
    for (let i = 0; i < FAILURES_PER_LIE; i++) this.addFailure(host);
  }

  /**
   * A transfer that used up its time limit counts as a failure. Its rate is recorded as if the transfer had been
   * completed after `durationMs`; the real rate was lower.
   */
  addTimeout(host: HostKey, direction: Direction, lengthBytes: number, durationMs: number): void {
    this.addFailure(host);
    if (durationMs > 0) this.#measure(this.#sample(host), direction, lengthBytes, durationMs);
    if (durationMs <= 0) return;
    const bytesPerSecond = (lengthBytes * 1000) / durationMs;
    this.#record(host).rates[direction].add(bytesPerSecond);
    // If all hosts are slow at once, the cause is our own line: give the next transfers more time.
    if (lengthBytes >= LEAST_MEASURED_BYTES) this.#network[direction].add(bytesPerSecond);
  }

  score(host: HostKey): HostScore {
    const record = this.#hosts.get(host);
    if (!record) return { failureRate: 0, bytesPerSecond: undefined, inFlight: 0 };
    const rates = [record.rates.read.value, record.rates.write.value].filter((rate) => rate !== undefined);
    return {
      failureRate: record.failures.at(this.#clock.now()),
      bytesPerSecond:
        rates.length === 0 ? undefined : rates.reduce((sum, rate) => sum + rate, 0) / rates.length,
      inFlight: record.inFlight,
    };
  }

  weight(host: HostKey): number {
    const score = this.score(host);
    const isDry = this.#hosts.get(host)?.outOfFunds.at(this.#clock.now()) === true;
    const failureRate = isDry ? Math.max(OUT_OF_FUNDS_FAILURE_RATE, score.failureRate) : score.failureRate;
    const usual = (direction: Direction): number => this.#sharedRates[direction] ?? this.#rate(direction);
    return weightOfHostScore({ ...score, failureRate }, (usual("read") + usual("write")) / 2);
  }

  /** Expected duration of a transfer of this size, derived from the rates of the hosts used so far. */
  expectedMs(direction: Direction, lengthBytes: number): number {
    return (lengthBytes * 1000) / this.#rate(direction);
  }

  hedgeAfterMs(direction: Direction, lengthBytes: number): number {
    const isMeasured = this.#network[direction].value !== undefined;
    const slowMs = HEDGE_FACTOR * this.expectedMs(direction, lengthBytes);
    const mostMs = isMeasured ? MOST_HEDGE_MS : MOST_HEDGE_UNMEASURED_MS;
    return Math.min(mostMs, Math.max(LEAST_HEDGE_MS, slowMs));
  }

  #sample(host: HostKey): Mutable<Omit<HostSample, "hostKey">> {
    const record = this.#record(host);
    record.sample ??= { ...NO_SAMPLE };
    return record.sample;
  }

  #measure(
    sample: Mutable<Omit<HostSample, "hostKey">>,
    direction: Direction,
    lengthBytes: number,
    durationMs: number,
  ): void {
    if (lengthBytes < LEAST_MEASURED_BYTES) return;
    sample[direction === "read" ? "readBytes" : "writeBytes"] += lengthBytes;
    sample[direction === "read" ? "readMs" : "writeMs"] += durationMs;
  }

  #rate(direction: Direction): number {
    return this.#network[direction].value || ASSUMED_BYTES_PER_SECOND[direction];
  }

  #record(host: HostKey): HostRecord {
    const known = this.#hosts.get(host);
    if (known) return known;
    const rates = { read: new MovingAverage(), write: new MovingAverage() };
    const record: HostRecord = {
      failures: new FailureRate(),
      rates,
      full: new ExpiringFlag(FORGET_FULL_AFTER_MS),
      outOfFunds: new ExpiringFlag(FORGET_OUT_OF_FUNDS_AFTER_MS),
      inFlight: 0,
      sample: undefined,
    };
    this.#hosts.set(host, record);
    return record;
  }
}

/** Undefined if there are no values. */
function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.slice(Math.floor((sorted.length - 1) / 2), Math.floor(sorted.length / 2) + 1);
  return middle.length === 0 ? undefined : middle.reduce((sum, value) => sum + value, 0) / middle.length;
}
