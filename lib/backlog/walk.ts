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
 */
import type { ISql } from "postgres";
import type { Clock } from "../clock/clock.ts";
import { readHostAddresses, readSlabHealth, readWalkPage, type SlabHealth } from "../indexd/slab-health.ts";
import { correlatedHosts } from "../placement/correlated-hosts.ts";
import type { HostId } from "../slab/ids.ts";
import type { Ask } from "../store/answering-database.ts";
import {
  type BacklogEntry,
  listSlabsToLookAt,
  readUnsighted,
  readWalks,
  recordBacklog,
  type WalkState,
} from "../store/backlog.ts";
import { retryTransaction } from "../store/retry-transaction.ts";
import { readShortly } from "../store/short-snapshot.ts";
import type { WalkSettings } from "./backlog-settings.ts";
import { CAUSES, type Cause } from "./causes.ts";
import { judgeSlab } from "./judge-slab.ts";

/** After each of these a crash leaves a trace. */
export type WalkStep = "looked" | "walked-page" | "healed-page" | "pass-finished";

export interface WalkDependencies {
  readonly ask: Ask;
  readonly clock: Clock;
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
  /** `rested`: nothing left to do until the next pass is due. */
  readonly stopped: "rested" | "time";
}

/** indexd must never find a snapshot of ours that is a second old: a page that takes longer is given up and halved. */
const LONGEST_PAGE_MS = 800;
/** A page that took longer halves the next one. */
const LONG_PAGE_MS = 300;
const SHORT_PAGE_MS = 100;

/** @param budgetMs a step that has begun is finished */
export async function walkBacklog(
  deps: WalkDependencies,
  settings: WalkSettings,
  budgetMs: number,
  causes: readonly Cause[] = CAUSES,
): Promise<WalkReport> {
  const run = new WalkRun(deps, settings, deps.clock.now() + budgetMs);
  await run.prepare();
  const stopped = (await run.look()) && (await run.walk(causes)) ? "rested" : "time";
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
  readonly count = { sectors: 0, recorded: 0, removed: 0, looked: 0, pages: 0, finished: 0 };
  readonly #deps: WalkDependencies;
  readonly #settings: WalkSettings;
  readonly #endsAtMs: number;
  readonly #firstGenerations = new Map<string, bigint>();
  #groups: ReadonlyMap<HostId, number> = new Map();
  #pageSectors: number;

  constructor(deps: WalkDependencies, settings: WalkSettings, endsAtMs: number) {
    this.#deps = deps;
    this.#settings = settings;
    this.#endsAtMs = endsAtMs;
    this.#pageSectors = settings.pageSectors;
  }

  async prepare(): Promise<void> {
    this.#groups = correlatedHosts(await this.#deps.ask(readHostAddresses));
  }

  /** True: nothing is left to be looked at. */
  async look(): Promise<boolean> {
    while (this.#hasTime()) {
      const limit = this.#pageSectors;
      const slabIds = await this.#deps.ask((sql) => listSlabsToLookAt(sql, limit));
      if (slabIds.length === 0) return true;
      const health = await this.#read((tx) => readSlabHealth(tx, slabIds, this.#settings.indexdGraceMs));
      if (health === "too-long") continue;
      await this.#record({ ...this.#judge(health.slabs, health.nowMs) });
      this.count.looked += slabIds.length;
      await this.#deps.step?.("looked");
      if (slabIds.length < limit) return true;
    }
    return false;
  }

  /** True: every cause rests. */
  async walk(causes: readonly Cause[]): Promise<boolean> {
    for (;;) {
      const states = await this.#deps.ask((sql) => readWalks(sql, causes));
      for (const { cause, generation } of states) {
        if (!this.#firstGenerations.has(cause)) this.#firstGenerations.set(cause, generation);
      }
      const awake = states.filter((state) => !this.#rests(state));
      if (awake.length === 0) return true;
      // In turn, so that a cause that floods the backlog does not hide the others.
      for (const state of awake) {
        if (!this.#hasTime()) return false;
        await (state.phase === "sectors" ? this.#walkPage(state) : this.#healPage(state));
      }
    }
  }

  /**
   * At the beginning of a pass whose time has not come. A clock that jumped back does not stop the walk. No run ends two
   * passes of a cause, however often they may begin.
   */
  #rests(state: WalkState): boolean {
    if (state.generation > (this.#firstGenerations.get(state.cause) ?? state.generation)) return true;
    const atStart = state.phase === "sectors" && state.position === 0n;
    return atStart && state.finishedOnce && state.passAgeMs >= 0 && state.passAgeMs < this.#settings.everyMs;
  }

  async #walkPage(state: WalkState): Promise<void> {
    const { cause, generation, position } = state;
    const page = await this.#read((sql) =>
      readWalkPage(sql, {
        cause,
        generation,
        position,
        pageSectors: this.#pageSectors,
        graceMs: this.#settings.indexdGraceMs,
      }),
    );
    if (page === "too-long") return;
    await this.#record({
      ...this.#judge(page.slabs, page.nowMs),
      sighted: { cause, generation, slabIds: page.slabs.map(({ slabId }) => slabId) },
      advance: {
        from: state,
        to: page.next === 0n ? { phase: "healing", position: 0n } : { phase: "sectors", position: page.next },
      },
    });
    this.count.sectors += page.sectors;
    this.count.pages += 1;
    await this.#deps.step?.("walked-page");
  }

  async #healPage(state: WalkState): Promise<void> {
    const { cause, generation, position } = state;
    const { slabIds, next } = await this.#deps.ask((sql) =>
      readUnsighted(sql, { cause, generation, position, limit: this.#pageSectors }),
    );
    const health =
      slabIds.length === 0
        ? { slabs: [], nowMs: 0 }
        : await this.#read((tx) => readSlabHealth(tx, slabIds, this.#settings.indexdGraceMs));
    if (health === "too-long") return;
    const advanced = await this.#record({
      ...this.#judge(health.slabs, health.nowMs),
      unsighted: { cause, generation, slabIds },
      advance: { from: state, to: next === 0n ? "pass-finished" : { phase: "healing", position: next } },
    });
    await this.#deps.step?.("healed-page");
    if (next === 0n && advanced) {
      this.count.finished += 1;
      await this.#deps.step?.("pass-finished");
    }
  }

  #judge(slabs: readonly SlabHealth[], nowMs: number) {
    const judgements = slabs.map((slab) =>
      judgeSlab(slab, { thresholds: this.#settings.thresholds, groups: this.#groups, nowMs }),
    );
    return {
      entries: judgements.flatMap((judged): BacklogEntry[] => (judged.kind === "keep" ? [judged.entry] : [])),
      removed: judgements.flatMap((judged) => (judged.kind === "remove" ? [judged.slabId] : [])),
    };
  }

  async #record(changes: Parameters<typeof recordBacklog>[1]): Promise<boolean> {
    const advanced = await this.#deps.ask((sql) =>
      retryTransaction("walk", () => recordBacklog(sql, changes)),
    );
    this.count.recorded += changes.entries.length;
    this.count.removed += changes.removed.length;
    return advanced;
  }

  /** One snapshot, of a length that fits; after one that was too long the caller tries again with a smaller page. */
  async #read<Result>(read: (sql: ISql) => Promise<Result>): Promise<Result | "too-long"> {
    const startedAtMs = this.#deps.clock.now();
    const answer = await this.#deps.ask((sql) => readShortly(sql, LONGEST_PAGE_MS, read));
    const tookMs = this.#deps.clock.now() - startedAtMs;
    const { pageSectors } = this.#settings;
    if (answer.kind === "too-long" || tookMs > LONG_PAGE_MS) {
      this.#pageSectors = Math.max(1, this.#pageSectors >> 1);
    } else if (tookMs < SHORT_PAGE_MS) this.#pageSectors = Math.min(pageSectors, this.#pageSectors * 2);
    return answer.kind === "read" ? answer.result : "too-long";
  }

  #hasTime(): boolean {
    this.#deps.signal?.throwIfAborted();
    return this.#deps.clock.now() < this.#endsAtMs;
  }
}
