/**
 * The walk: keeps the backlog true, within a time budget.
 *
 *   look      entries whose time has come (a grace that ended, a lease that is over) are judged again
 *   sectors   cause by cause, by sector id, the bad sectors' slabs are judged and recorded
 *   healing   then what this cause saw before, but not in this pass, is judged again: healthy slabs leave
 *
 * A pass of a cause is `sectors` to the end, then `healing` to the end; the next one begins `everyMs` after this one began.
 * Each step reads in one short snapshot without row locks, decides here, and writes in one statement together with how
 * far it has come. So a crash costs a step, and two walkers at once write the same twice.
 *
 * A page ends in the middle of a sector that is part of more slabs than one page may have. A slab whose health cannot be read
 * in the time that a snapshot may last is passed by, counted as unjudged, and tried again by the next pass: walk-pace.ts.
 */
import type { ISql } from "postgres";
import type { Clock } from "../../clock/clock.ts";
import { sleep } from "../../clock/sleep.ts";
import {
  type BacklogEntry,
  listSlabsToLookAt,
  readUnsighted,
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
import { readShortly } from "../../database/client/short-snapshot.ts";
import { correlatedHosts } from "../../placement/correlated-hosts.ts";
import type { HostId } from "../../slab/ids.ts";
import type { WalkSettings } from "./backlog-settings.ts";
import { CAUSES, type Cause } from "./causes.ts";
import { judgeSlab } from "./judge-slab.ts";
import { isToBePassedBy, type Pace, type Paces, paceAfter } from "./walk-pace.ts";

/** After each of these a crash leaves a trace. */
export type WalkStep = "looked" | "walked-page" | "healed-page" | "pass-finished";

export interface WalkDependencies {
  readonly ask: Ask;
  readonly clock: Clock;
  /** How fast an earlier walk was; default: nothing is known. */
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
  /** Passes that ended. */
  readonly finished: number;
  /** Slabs that were passed by: their health could not be read in time. */
  readonly unjudged: number;
  /** `rested`: nothing left to do until the next pass is due; `stuck`: not even ids can be read in time. */
  readonly stopped: "rested" | "time" | "stuck";
}

/** Before what was given up is tried again. */
const PAUSE_MS = 200;
/** Until an entry is looked at again that was passed by. */
const POSTPONED_MS = 600_000;
/** The pace at which entries are looked at; the others are the causes' own. */
const LOOK = "look";

/** @param budgetMs a step that has begun is finished, and one is tried however little time there is */
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

/** Judges entries anew whose time has come, and nothing else: cheap enough for every few seconds. */
export async function lookAtBacklog(
  deps: WalkDependencies,
  settings: WalkSettings,
  budgetMs: number,
): Promise<WalkReport> {
  const run = new WalkRun(deps, settings, deps.clock.now() + budgetMs);
  await run.prepare();
  return { stopped: (await run.look()) ? "rested" : "time", ...run.count };
}

class WalkRun {
  readonly count = { sectors: 0, recorded: 0, removed: 0, looked: 0, pages: 0, finished: 0, unjudged: 0 };
  readonly #deps: WalkDependencies;
  readonly #settings: WalkSettings;
  readonly #endsAtMs: number;
  readonly #firstGenerations = new Map<string, bigint>();
  readonly #paces: Paces;
  #groups: ReadonlyMap<HostId, number> = new Map();
  #hasTried = false;

  constructor(deps: WalkDependencies, settings: WalkSettings, endsAtMs: number) {
    this.#deps = deps;
    this.#settings = settings;
    this.#endsAtMs = endsAtMs;
    this.#paces = deps.paces ?? new Map();
  }

  async prepare(): Promise<void> {
    this.#groups = correlatedHosts(await this.#deps.ask(readHostAddresses));
  }

  /** True: nothing is left to be looked at. */
  async look(): Promise<boolean> {
    while (this.#hasTime()) {
      const pace = this.#pace(LOOK);
      const slabIds = await this.#deps.ask((sql) => listSlabsToLookAt(sql, pace.size));
      if (slabIds.length === 0) return true;
      if (isToBePassedBy(pace)) {
        await this.#record({ entries: [], removed: [], postponed: { slabIds, delayMs: POSTPONED_MS } });
        this.#passedBy(LOOK, slabIds.length);
        continue;
      }
      const health = await this.#read(LOOK, (tx) =>
        readSlabHealth(tx, slabIds, this.#settings.indexdGraceMs),
      );
      if (health === "given-up") continue;
      await this.#record({ ...this.#judge(health.slabs, health.nowMs) });
      this.count.looked += slabIds.length;
      await this.#deps.step?.("looked");
      if (slabIds.length < pace.size) return true;
    }
    return false;
  }

  /** `rested`: every cause rests. */
  async walk(causes: readonly Cause[]): Promise<WalkReport["stopped"]> {
    const stuck = new Set<string>();
    for (;;) {
      const states = await this.#deps.ask((sql) => readWalks(sql, causes));
      for (const { cause, generation } of states) {
        if (!this.#firstGenerations.has(cause)) this.#firstGenerations.set(cause, generation);
      }
      const awake = states.filter((state) => !this.#rests(state));
      if (awake.length === 0) return "rested";
      const able = awake.filter(({ cause }) => !stuck.has(cause));
      if (able.length === 0) return "stuck";
      // In turn, so that a cause that floods the backlog does not hide the others.
      for (const state of able) {
        if (!this.#hasTime()) return "time";
        const step = await (state.phase === "sectors" ? this.#walkPage(state) : this.#healPage(state));
        if (step === "stuck") stuck.add(state.cause);
      }
    }
  }

  /**
   * At the beginning of a pass whose time has not come. A clock that jumped back does not stop the walk. No run ends two
   * passes of a cause, however often they may begin.
   */
  #rests(state: WalkState): boolean {
    if (state.generation > (this.#firstGenerations.get(state.cause) ?? state.generation)) return true;
    const atStart = state.phase === "sectors" && state.position === 0n && state.slabPosition === 0n;
    return atStart && state.finishedOnce && state.passAgeMs >= 0 && state.passAgeMs < this.#settings.everyMs;
  }

  async #walkPage(state: WalkState): Promise<"done" | "again" | "stuck"> {
    const { cause, generation, position, slabPosition } = state;
    const pace = this.#pace(cause);
    const judged = !isToBePassedBy(pace);
    const page = await this.#read(cause, (sql) =>
      readWalkPage(sql, {
        cause,
        generation,
        from: { sector: position, slab: slabPosition },
        pageSectors: pace.size,
        maxSlabs: pace.size,
        graceMs: this.#settings.indexdGraceMs,
        judged,
      }),
    );
    if (page === "given-up") return judged ? "again" : "stuck";
    await this.#record({
      ...this.#judge(page.slabs, page.nowMs),
      sighted: { cause, generation, slabIds: page.slabIds },
      advance: {
        from: state,
        to:
          page.next === undefined
            ? { phase: "healing", position: 0n, slabPosition: 0n }
            : { phase: "sectors", position: page.next.sector, slabPosition: page.next.slab },
      },
    });
    if (!judged) this.#passedBy(cause, page.slabIds.length);
    this.count.sectors += page.sectors;
    this.count.pages += 1;
    await this.#deps.step?.("walked-page");
    return "done";
  }

  async #healPage(state: WalkState): Promise<"done" | "again"> {
    const { cause, generation, position } = state;
    const pace = this.#pace(cause);
    const { slabIds, next } = await this.#deps.ask((sql) =>
      readUnsighted(sql, { cause, generation, position, limit: pace.size }),
    );
    const advance = {
      from: state,
      to: next === 0n ? ("pass-finished" as const) : { phase: state.phase, position: next, slabPosition: 0n },
    };
    let advanced: boolean;
    if (isToBePassedBy(pace)) {
      // Its sighting stays what it is: the next pass tries again.
      advanced = await this.#record({ entries: [], removed: [], advance });
      this.#passedBy(cause, slabIds.length);
    } else {
      const health =
        slabIds.length === 0
          ? { slabs: [], nowMs: 0 }
          : await this.#read(cause, (tx) => readSlabHealth(tx, slabIds, this.#settings.indexdGraceMs));
      if (health === "given-up") return "again";
      advanced = await this.#record({
        ...this.#judge(health.slabs, health.nowMs),
        unsighted: { cause, generation, slabIds },
        advance,
      });
    }
    await this.#deps.step?.("healed-page");
    if (next === 0n && advanced) {
      this.count.finished += 1;
      await this.#deps.step?.("pass-finished");
    }
    return "done";
  }

  #judge(slabs: readonly SlabHealth[], nowMs: number) {
    const judgements = slabs.map((slab) =>
      judgeSlab(slab, { thresholds: this.#settings.thresholds, groups: this.#groups, nowMs }),
    );
    return {
      entries: judgements.flatMap((judged): BacklogEntry[] => (judged.kind === "keep" ? [judged.entry] : [])),
      removed: judgements.flatMap((judged) => (judged.kind === "remove" ? [judged.slabId] : [])),
      seenLookAts: Object.fromEntries(
        slabs.map(({ slabId, known }) => [String(slabId), known === undefined ? null : known.lookAt]),
      ),
    };
  }

  async #record(changes: Parameters<typeof recordBacklog>[1]): Promise<boolean> {
    this.#hasTried = true;
    const advanced = await this.#deps.ask((sql) =>
      retryTransaction("walk", () => recordBacklog(sql, changes)),
    );
    this.count.recorded += changes.entries.length;
    this.count.removed += changes.removed.length;
    return advanced;
  }

  /** One snapshot that does not last too long; after one that was given up the caller tries again, with a smaller page. */
  async #read<Result>(what: string, read: (sql: ISql) => Promise<Result>): Promise<Result | "given-up"> {
    const { ask, clock, signal } = this.#deps;
    this.#hasTried = true;
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

  #passedBy(what: string, slabs: number): void {
    this.count.unjudged += slabs;
    this.#paces.set(what, { size: 1, givenUp: 0 });
  }

  #hasTime(): boolean {
    this.#deps.signal?.throwIfAborted();
    return this.#deps.clock.now() < this.#endsAtMs || !this.#hasTried;
  }
}
