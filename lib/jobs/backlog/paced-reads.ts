import type { ISql } from "postgres";
import type { Clock } from "../../clock/clock.ts";
import { sleep } from "../../clock/sleep.ts";
import type { Ask } from "../../database/client/deadline-client.ts";
import { readShortly } from "../../database/client/short-snapshot.ts";
import type { WalkSettings } from "./backlog-settings.ts";
import { isToBePassedBy, type Pace, type Paces, paceAfter } from "./walk-pace.ts";

interface PacedReadDependencies {
  readonly ask: Ask;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** Paces of earlier reads; default: none. */
  readonly paces?: Paces;
}

/** Pause before a single slab is tried again after a cancelled read. */
const PAUSE_MS = 200;

/** Makes reads in snapshots and cancels those that last too long; each kind of read has its own pace: walk-pace.ts. */
export class PacedReads {
  readonly #deps: PacedReadDependencies;
  readonly #settings: Pick<WalkSettings, "longestReadMs" | "pageSectors">;
  readonly #paces: Paces;

  constructor(deps: PacedReadDependencies, settings: Pick<WalkSettings, "longestReadMs" | "pageSectors">) {
    this.#deps = deps;
    this.#settings = settings;
    this.#paces = deps.paces ?? new Map();
  }

  /** How many sectors or slabs to read at a time. */
  size(what: string): number {
    return this.#pace(what).size;
  }

  /** Whether the next item of this kind is to be skipped, because reading it was cancelled too often. */
  isToBePassedBy(what: string): boolean {
    return isToBePassedBy(this.#pace(what));
  }

  /** Call it after skipping an item: the items after it are at first read one by one. */
  passedBy(what: string): void {
    this.#paces.set(what, { size: 1, givenUp: 0 });
  }

  /** `given-up`: the read took too long; the next one of this kind is smaller. */
  async read<Result>(what: string, read: (sql: ISql) => Promise<Result>): Promise<Result | "given-up"> {
    const { ask, clock, signal } = this.#deps;
    const startedAtMs = clock.now();
    const answer = await ask((sql) => readShortly(sql, this.#settings.longestReadMs, read));
    const isGivenUp = answer.kind === "too-long";
    const pace = this.#pace(what);
    const time = isGivenUp ? "given-up" : { tookMs: clock.now() - startedAtMs };
    this.#paces.set(what, paceAfter(pace, time, this.#settings.pageSectors));
    if (!isGivenUp) return answer.result;
    if (pace.size === 1) await sleep(clock, PAUSE_MS, signal);
    return "given-up";
  }

  #pace(what: string): Pace {
    return this.#paces.get(what) ?? { size: this.#settings.pageSectors, givenUp: 0 };
  }
}
