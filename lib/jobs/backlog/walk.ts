/**
 * The walk keeps the backlog up to date, within a time budget. It is a mark and sweep:
 *
 *   look    judges again the entries whose time has come, for example because a grace period or a lease has ended
 *   mark    cause by cause, in order of sector id, judges the slabs of bad sectors and marks them with this pass's
 *           number
 *   sweep   then judges again the slabs that this cause marked in an earlier pass but not in this one: healthy ones are
 *           removed
 *
 * A pass of a cause is `mark` to the end, then `sweep` to the end; the next pass begins `everyMs` after the start of
 * this one. Each step reads in one short snapshot without row locks, judges the slabs in this process, and writes the
 * result and the new position in one statement. So a crash loses at most one step, and two concurrent walkers only
 * write the same results twice.
 *
 * A page can end within a sector that belongs to very many slabs; the next page begins with the sector's other slabs. A
 * slab whose health cannot be read within the time limit of a snapshot is skipped, counted as unjudged, and tried again
 * by the next pass: walk-pace.ts.
 */
import type { ISql } from "postgres";
import type { Clock } from "../../clock/clock.ts";
import {
  type BacklogChanges,
  listSlabsToLookAt,
  readUnmarked,
  readWalks,
  recordBacklog,
  type WalkState,
} from "../../database/backlog/record-backlog.ts";
import {
  readHostAddresses,
  readSlabHealth,
  readWalkPage,
  type SlabHealth,
} from "../../database/backlog/slab-health.ts";
import type { Ask } from "../../database/client/deadline-client.ts";
import { retryTransaction } from "../../database/client/retry-transaction.ts";
import { correlatedHosts } from "../../placement/correlated-hosts.ts";
import type { HostId } from "../../slab/ids.ts";
import type { WalkSettings } from "./backlog-settings.ts";
import { CAUSES, type Cause } from "./causes.ts";
import { judgeSlabs } from "./judge-slab.ts";
import { PacedReads } from "./paced-reads.ts";
import type { Paces } from "./walk-pace.ts";

/** Points at which kill tests end the process. */
export type WalkStep = "looked" | "marked-page" | "swept-page" | "pass-finished";

export interface WalkDependencies {
  readonly ask: Ask;
  readonly clock: Clock;
  /** Paces of earlier walks; default: none. */
  readonly paces?: Paces;
  readonly step?: (name: WalkStep) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

export interface WalkReport {
  /** Bad sectors read. */
  readonly sectors: number;
  readonly recorded: number;
  readonly removed: number;
  readonly looked: number;
  readonly pages: number;
  /** Passes completed. */
  readonly finished: number;
  /** Slabs skipped because their health could not be read in time. */
  readonly unjudged: number;
  /**
   * `rested`: there is nothing to do until the next pass is due; `time`: the budget is used up; `stuck`: not even the
   * slabs' ids could be read in time.
   */
  readonly stopped: "rested" | "time" | "stuck";
}

/** How long until an entry is judged again that was skipped because its slab's health could not be read in time. */
const POSTPONED_MS = 600_000;
/** The name of the pace for judging due entries; every cause has a pace for its own pages. */
const LOOK = "look";

/**
 * @param budgetMs time limit; a step that has begun is finished, and at least one step is tried even if no time is left
 */
export async function walkBacklog(
  deps: WalkDependencies,
  settings: WalkSettings,
  budgetMs: number,
  causes: readonly Cause[] = CAUSES,
): Promise<WalkReport> {
  const run = new WalkRun(deps, settings, deps.clock.now() + budgetMs);
  await run.prepare();
  const stopped = (await run.look()) ? await run.walk(causes) : "time";
  return { ...run.count, stopped };
}

class WalkRun {
  readonly count = { sectors: 0, recorded: 0, removed: 0, looked: 0, pages: 0, finished: 0, unjudged: 0 };
  readonly #deps: WalkDependencies;
  readonly #settings: WalkSettings;
  readonly #endsAtMs: number;
  readonly #firstPasses = new Map<string, bigint>();
  readonly #reads: PacedReads;
  #groups: ReadonlyMap<HostId, number> = new Map();
  #hasTried = false;

  constructor(deps: WalkDependencies, settings: WalkSettings, endsAtMs: number) {
    this.#deps = deps;
    this.#settings = settings;
    this.#endsAtMs = endsAtMs;
    this.#reads = new PacedReads(deps, settings);
  }

  async prepare(): Promise<void> {
    this.#groups = correlatedHosts(await this.#deps.ask(readHostAddresses));
  }

  /** True: no due entry is left. */
  async look(): Promise<boolean> {
    while (this.#hasTime()) {
      const size = this.#reads.size(LOOK);
      const slabIds = await this.#deps.ask((sql) => listSlabsToLookAt(sql, size));
      if (slabIds.length === 0) return true;
      if (this.#reads.isToBePassedBy(LOOK)) {
        await this.#record({
          entries: [],
          removed: [],
          versions: {},
          postponed: { slabIds, delayMs: POSTPONED_MS },
        });
        this.#passedBy(LOOK, slabIds.length);
        continue;
      }
      const health = await this.#read(LOOK, (tx) =>
        readSlabHealth(tx, slabIds, this.#settings.indexdGraceMs),
      );
      if (health === "given-up") continue;
      await this.#record(this.#judge(health.slabs, health.nowMs));
      this.count.looked += slabIds.length;
      await this.#deps.step?.("looked");
      if (slabIds.length < size) return true;
    }
    return false;
  }

  /** `rested`: every cause waits for its next pass. */
  async walk(causes: readonly Cause[]): Promise<WalkReport["stopped"]> {
    const stuck = new Set<string>();
    for (;;) {
      const states = await this.#deps.ask((sql) => readWalks(sql, causes));
      for (const { cause, pass } of states) {
        if (!this.#firstPasses.has(cause)) this.#firstPasses.set(cause, pass);
      }
      const awake = states.filter((state) => !this.#rests(state));
      if (awake.length === 0) return "rested";
      const able = awake.filter(({ cause }) => !stuck.has(cause));
      if (able.length === 0) return "stuck";
      // The causes take turns, a page each, so that a cause with very many bad sectors does not delay the others.
      for (const state of able) {
        if (!this.#hasTime()) return "time";
        const step = await (state.phase === "mark" ? this.#markPage(state) : this.#sweepPage(state));
        if (step === "stuck") stuck.add(state.cause);
      }
    }
  }

  /**
   * Whether this cause waits for its next pass. A run completes at most one pass per cause, even if passes are due more
   * often.
   */
  #rests(state: WalkState): boolean {
    if (state.pass > (this.#firstPasses.get(state.cause) ?? state.pass)) return true;
    const atStart = state.phase === "mark" && state.position === 0n && state.slabPosition === 0n;
    return atStart && state.finishedOnce && state.passAgeMs < this.#settings.everyMs;
  }

  async #markPage(state: WalkState): Promise<"done" | "again" | "stuck"> {
    const { cause, pass, position, slabPosition } = state;
    const size = this.#reads.size(cause);
    const judged = !this.#reads.isToBePassedBy(cause);
    const page = await this.#read(cause, (sql) =>
      readWalkPage(sql, {
        cause,
        pass,
        from: { sector: position, slab: slabPosition },
        pageSectors: size,
        maxSlabs: size,
        graceMs: this.#settings.indexdGraceMs,
        judged,
      }),
    );
    if (page === "given-up") return judged ? "again" : "stuck";
    await this.#record({
      ...this.#judge(page.slabs, page.nowMs),
      step: {
        cause,
        pass,
        marked: page.slabIds,
        swept: [],
        from: placeOf(state),
        to:
          page.next === undefined
            ? { phase: "sweep", position: 0n, slabPosition: 0n }
            : { phase: "mark", position: page.next.sector, slabPosition: page.next.slab },
      },
    });
    if (!judged) this.#passedBy(cause, page.slabIds.length);
    this.count.sectors += page.sectors;
    this.count.pages += 1;
    await this.#deps.step?.("marked-page");
    return "done";
  }

  async #sweepPage(state: WalkState): Promise<"done" | "again"> {
    const { cause, pass, position } = state;
    const limit = this.#reads.size(cause);
    const { slabIds, next } = await this.#deps.ask((sql) =>
      readUnmarked(sql, { cause, pass, position, limit }),
    );
    const step = {
      cause,
      pass,
      marked: [],
      from: placeOf(state),
      to: next === 0n ? ("pass-finished" as const) : { phase: state.phase, position: next, slabPosition: 0n },
    };
    let advanced: boolean;
    if (this.#reads.isToBePassedBy(cause)) {
      // The slab's mark stays unchanged, so the next pass tries again.
      advanced = await this.#record({ entries: [], removed: [], versions: {}, step: { ...step, swept: [] } });
      this.#passedBy(cause, slabIds.length);
    } else {
      const health =
        slabIds.length === 0
          ? { slabs: [], nowMs: 0 }
          : await this.#read(cause, (tx) => readSlabHealth(tx, slabIds, this.#settings.indexdGraceMs));
      if (health === "given-up") return "again";
      advanced = await this.#record({
        ...this.#judge(health.slabs, health.nowMs),
        step: { ...step, swept: slabIds },
      });
    }
    await this.#deps.step?.("swept-page");
    if (next === 0n && advanced) {
      this.count.finished += 1;
      await this.#deps.step?.("pass-finished");
    }
    return "done";
  }

  #judge(slabs: readonly SlabHealth[], nowMs: number): Omit<BacklogChanges, "step"> {
    return judgeSlabs(slabs, { thresholds: this.#settings.thresholds, groups: this.#groups, nowMs });
  }

  async #record(changes: BacklogChanges): Promise<boolean> {
    this.#hasTried = true;
    const advanced = await this.#deps.ask((sql) =>
      retryTransaction("walk", () => recordBacklog(sql, changes)),
    );
    this.count.recorded += changes.entries.length;
    this.count.removed += changes.removed.length;
    return advanced;
  }

  #read<Result>(what: string, read: (sql: ISql) => Promise<Result>): Promise<Result | "given-up"> {
    this.#hasTried = true;
    return this.#reads.read(what, read);
  }

  #passedBy(what: string, slabs: number): void {
    this.count.unjudged += slabs;
    this.#reads.passedBy(what);
  }

  #hasTime(): boolean {
    this.#deps.signal?.throwIfAborted();
    return this.#deps.clock.now() < this.#endsAtMs || !this.#hasTried;
  }
}

function placeOf({ phase, position, slabPosition }: WalkState) {
  return { phase, position, slabPosition };
}
