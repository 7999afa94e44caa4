/**
 * One indexer in a `serve`: its control loop, and the work that the loop starts and ends. Each indexer has its own loop
 * and connections, so that none waits for another.
 *
 *   step -> start or end claim, reap and workers as the state requires -> check health, restart stalled ones -> pause
 *   -> step
 *
 * What always holds: at most one set of claim, reap and workers is running, and only this loop starts it.
 */
import type { Sql } from "postgres";
import type { Clock } from "../clock/clock.ts";
import { sleep } from "../clock/sleep.ts";
import { type BacklogDemand, readDemand } from "../database/backlog/read-demand.ts";
import {
  type Ask,
  askWithin,
  createDeadlineClient,
  type DeadlineClient,
} from "../database/client/deadline-client.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { IndexerHealth, IndexerLoop } from "../worker/indexer-loop.ts";
import { type Trouble, troubleOf } from "../worker/trouble.ts";
import { addReport, createWorkReport, type WorkReport } from "../worker/work-report.ts";
import type { Demand } from "./allot-repairs.ts";
import { ControlLoop, type LoopView, NOTHING_KNOWN } from "./control-loop.ts";
import { createEnsures } from "./ensures.ts";
import { createLifecycleStore } from "./lifecycle-store.ts";
import { retryAfterMs, runsUnits } from "./state-machine.ts";
import { judgeUnits, type UnitHealth } from "./unit-health.ts";

export interface IndexerControlOptions {
  readonly name: string;
  readonly connect: () => Sql;
  /** Checks, before any connection, whether the database's URL may be used from here. */
  readonly assertSafe: () => Promise<void>;
  readonly acceptedVersion: number | undefined;
  readonly share: number;
  /** The most repairs at the same time on the whole machine. */
  readonly total: number;
  readonly timeoutMs: number;
  /** Starts the exporter, which measures the indexer's whole fleet until the indexer is deleted. */
  readonly startExporter: () => { stop(): Promise<void> };
  /** Creates the indexer's claim, reap and workers, which do nothing until the loop's `start` is called. */
  readonly openUnits: () => Promise<IndexerLoop>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What this process knows about one of its indexers. */
export interface IndexerView {
  readonly name: string;
  readonly lifecycle: LoopView;
  /** The health of the indexer's claim, reap and workers; null: none of them runs in this process now. */
  readonly loop: IndexerHealth | null;
  readonly units: readonly UnitHealth[];
}

/** Pause after a step that did not fail: an operator's command usually takes effect within this time. */
const STEP_MS = 5_000;
const WAITING_STEP_MS = 1_000;
const DEMAND_LIMIT_MS = 4_000;
/** How long `stop` waits for a database that does not respond, once the last repair has ended. */
const FAREWELL_MS = 5_000;
const NO_DEMAND: BacklogDemand = { ready: 0, urgency: 0 };

export class IndexerControl {
  readonly #options: IndexerControlOptions;
  readonly #ending = new AbortController();
  readonly #done = createWorkReport();
  #units: IndexerLoop | undefined;
  #draining: Promise<void> | undefined;
  #loop: ControlLoop | undefined;
  #blocked: Trouble | undefined;
  #database: DeadlineClient | undefined;
  #demand = NO_DEMAND;
  #size: number;
  #running: Promise<void> | undefined;

  constructor(options: IndexerControlOptions) {
    this.#options = options;
    this.#size = options.total;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /**
   * Ends the work here and leaves the indexer to other processes; its state stays. Waits only briefly for a database
   * that does not respond: the indexer's lease then expires.
   */
  async stop(): Promise<WorkReport> {
    this.#ending.abort();
    // Tells the units to end now, without waiting for the end of the current step.
    this.#drainUnits();
    const late = Promise.withResolvers<void>();
    let cancel = (): void => {};
    const drained = (this.#draining ?? Promise.resolve()).then(() => {
      cancel = this.#options.clock.after(FAREWELL_MS, () => {
        late.resolve();
        void this.#database?.end(0);
      });
    });
    await Promise.race([this.#running, late.promise]);
    await drained;
    cancel();
    return this.#done;
  }

  resize(repairs: number): void {
    this.#size = repairs;
    this.#units?.resize(repairs);
  }

  get demand(): Demand {
    const { name, share } = this.#options;
    const running = this.#units?.health().running ?? 0;
    return { name, share, running, ...(this.#units === undefined ? NO_DEMAND : this.#demand) };
  }

  view(): IndexerView {
    const { name, timeoutMs, clock } = this.#options;
    const loop = this.#units?.health() ?? null;
    const lifecycle = this.#loop?.view ?? NOTHING_KNOWN;
    return {
      name,
      lifecycle:
        this.#blocked === undefined
          ? lifecycle
          : { ...lifecycle, state: "repairing", trouble: this.#blocked, isMoving: false },
      loop,
      units: loop === null ? [] : judgeUnits(loop, { nowMs: clock.now(), timeoutMs }),
    };
  }

  async #run(): Promise<void> {
    const { clock, connect, startExporter } = this.#options;
    const { signal } = this.#ending;
    await this.#untilSafe();
    const database = createDeadlineClient({ clock, connect });
    this.#database = database;
    const ask = askWithin(database, clock);
    const loop = this.#createLoop(ask);
    this.#loop = loop;
    let exporter: ReturnType<typeof startExporter> | undefined;
    while (!signal.aborted) {
      const before = loop.view;
      const view = await loop.step();
      this.#say(before, view);
      if (signal.aborted) break;
      if (view.state !== "deleted") exporter ??= startExporter();
      else if (exporter !== undefined) {
        await exporter.stop();
        exporter = undefined;
      }
      await this.#follow(view);
      if (view.state === "running") await this.#readDemand(ask);
      this.#restartStalled();
      await sleep(clock, pauseAfter(view), signal).catch(() => {});
    }
    this.#drainUnits();
    await this.#draining;
    await loop.leave();
    await Promise.all([exporter?.stop(), database.end()]);
  }

  #createLoop(ask: Ask): ControlLoop {
    const { name, acceptedVersion, clock, logger } = this.#options;
    return new ControlLoop({
      now: () => clock.now(),
      store: createLifecycleStore(ask, "serve"),
      ensures: createEnsures({
        ask,
        indexer: name,
        acceptedVersion,
        clock,
        makes: true,
        endUnits: () => {
          this.#drainUnits();
          return this.#units === undefined;
        },
        onRemoved: (removed) => logger.warn({ ...removed }, "the indexer was deleted"),
      }),
    });
  }

  /**
   * Waits until the database's URL may be used; before that, no password is sent. Checks again and again, because the
   * URL's host name may resolve to another address later.
   */
  async #untilSafe(): Promise<void> {
    const { assertSafe, clock, logger } = this.#options;
    const { signal } = this.#ending;
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await assertSafe();
        this.#blocked = undefined;
        return;
      } catch (error) {
        this.#blocked = troubleOf(error, this.#blocked?.sinceMs ?? clock.now());
        if (failures === 1)
          logger.error({ error }, "the database's URL may not be used; it is checked again");
        await sleep(clock, retryAfterMs(failures), signal).catch(() => {});
      }
    }
  }

  /**
   * Starts claim, reap and workers, or tells them to end, as the state requires. Does not wait for running repairs,
   * which end later.
   */
  async #follow({ state }: LoopView): Promise<void> {
    const wanted = runsUnits(state);
    if (wanted === false) this.#drainUnits();
    if (wanted !== true || this.#units !== undefined) return;
    try {
      this.#units = await this.#options.openUnits();
      this.#blocked = undefined;
    } catch (error) {
      this.#blocked = troubleOf(error, this.#blocked?.sinceMs ?? this.#options.clock.now());
      return;
    }
    this.#units.resize(this.#size);
    this.#units.start();
  }

  #drainUnits(): void {
    const units = this.#units;
    if (units === undefined || this.#draining !== undefined) return;
    this.#draining = units.drain().then((report) => {
      addReport(this.#done, report);
      this.#units = undefined;
      this.#draining = undefined;
      this.#demand = NO_DEMAND;
    });
  }

  async #readDemand(ask: Ask): Promise<void> {
    try {
      this.#demand = await ask((sql) => readDemand(sql, this.#options.total), { limitMs: DEMAND_LIMIT_MS });
    } catch {
      // The next step reports the problem. Until then this indexer counts as one without demand: it borrows nothing
      // from the shares of other indexers, and lends them what it does not use of its own share.
      this.#demand = NO_DEMAND;
    }
  }

  #restartStalled(): void {
    const stalled = this.view().units.filter(
      ({ unit, health }) => health === "stalled" && !unit.startsWith("worker"),
    );
    if (stalled.length === 0) return;
    this.#options.logger.error({ stalled }, "work has stalled; it is restarted");
    this.#units?.restart();
  }

  #say(before: LoopView, after: LoopView): void {
    const { logger } = this.#options;
    if (before.state === after.state) return;
    const { state, trouble, mode } = after;
    const facts = { from: before.state, to: state, mode: mode?.kind, holder: after.holder };
    if (trouble === null) logger.info(facts, `the indexer is ${state}`);
    else logger.error({ ...facts, code: trouble.code, reason: trouble.message }, `the indexer is ${state}`);
  }
}

function pauseAfter({ isMoving, failures, state }: LoopView): number {
  if (isMoving) return 0;
  if (failures > 0) return retryAfterMs(failures);
  return state === "stopping" || state === "deleting" ? WAITING_STEP_MS : STEP_MS;
}
