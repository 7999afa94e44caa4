/**
 * The control loop of one indexer: each step establishes the conditions of the present state, and stores the next
 * state.
 *
 *   step: take the lease -> [write a failure that could not be written before] -> establish the state's conditions
 *     -> write the next state
 *
 * What always holds: only the holder of the lease acts and writes, and each write carries the lease's token. So one of
 * several processes drives an indexer, while the others follow the stored state. A step never throws: its
 * failure is shown in the view and written as soon as the database allows, and then the step is tried again.
 */
import type { FleetMode } from "../database/fleet/fleet-mode.ts";
import type { LifecycleRow, SeenLifecycle, StoredTrouble } from "../database/lifecycle/lifecycle.ts";
import { type Trouble, troubleOf } from "../worker/trouble.ts";
import { type DesiredState, type LifecycleState, nextState, type StepOutcome } from "./state-machine.ts";

/** Access to the indexer's row in its own database. */
export interface LifecycleStore {
  read(): Promise<SeenLifecycle>;
  /** See takeLifecycle. */
  take(token: string | undefined): Promise<string | undefined>;
  /** See saveLifecycle. */
  save(token: string, step: Pick<LifecycleRow, "state" | "failures" | "trouble">): Promise<boolean>;
  release(token: string): Promise<void>;
}

/** Establishes or checks a state's conditions. Idempotent: after a crash it is simply repeated. */
export type Ensure = (
  row: LifecycleRow | undefined,
  token: string | undefined,
) => Promise<"done" | "under-way">;
/** The function of `deleting` removes the row, with everything else, and leaves a tombstone. */
export type Ensures = Readonly<Record<Exclude<LifecycleState, "deleted">, Ensure>>;

/** This process's knowledge of its indexer. */
export interface LoopView {
  /** A starting or running indexer is also shown as `repairing` while its database cannot be queried. */
  readonly state: LifecycleState;
  /** Undefined: unknown, because the database does not respond or has no row of ours. */
  readonly mode: FleetMode | undefined;
  readonly since: Date | undefined;
  /**
   * `here`: this process drives the indexer. Any other text: the name of the process that drives it; undefined: no
   * process does.
   */
  readonly holder: string | undefined;
  /** Consecutive failed steps. */
  readonly failures: number;
  readonly trouble: Trouble | null;
  /** True: the next step has work to do immediately. */
  readonly isMoving: boolean;
}

const DESIRED: Readonly<Record<FleetMode["kind"], DesiredState>> = {
  running: "running",
  // In these two modes the indexer's loop continues, but leases nothing.
  paused: "running",
  maintenance: "running",
  suspended: "stopped",
  deleting: "deleted",
};

export const desiredState = (mode: FleetMode): DesiredState => DESIRED[mode.kind];

/** The view before the first step, and while the schema does not exist. */
export const NOTHING_KNOWN: LoopView = {
  state: "initializing",
  mode: undefined,
  since: undefined,
  holder: undefined,
  failures: 0,
  trouble: null,
  isMoving: true,
};

export interface ControlLoopOptions {
  readonly store: LifecycleStore;
  readonly ensures: Ensures;
  readonly now: () => number;
}

export class ControlLoop {
  readonly #options: ControlLoopOptions;
  #token: string | undefined;
  #view = NOTHING_KNOWN;
  /** A failure that could not be written to the indexer's row yet. */
  #unwritten: Trouble | undefined;

  constructor(options: ControlLoopOptions) {
    this.#options = options;
  }

  get view(): LoopView {
    return this.#view;
  }

  async step(): Promise<LoopView> {
    try {
      this.#view = await this.#move();
    } catch (error) {
      // The row could not be read or written, for example because the database does not respond.
      this.#view = this.#failed(this.#view, error);
    }
    return this.#view;
  }

  /** Lets another process drive the indexer immediately. Never throws: if the release fails, the lease expires. */
  async leave(): Promise<void> {
    const token = this.#token;
    this.#token = undefined;
    if (token !== undefined) await this.#options.store.release(token).catch(() => {});
  }

  async #move(): Promise<LoopView> {
    const { store } = this.#options;
    const seen = await store.read();
    if (seen.kind === "deleted") return this.#deleted();
    if (seen.kind === "absent") return await this.#make();
    this.#token = await store.take(this.#token);
    if (this.#token === undefined) return this.#follow(seen.row);
    // Read again: before we had the lease, another process may have changed the state.
    const held = await store.read();
    if (held.kind !== "present") return { ...this.#view, isMoving: true };
    if (this.#unwritten !== undefined)
      return await this.#write(held.row, this.#token, "failed", this.#unwritten);
    return await this.#act(held.row, this.#token);
  }

  async #act(row: LifecycleRow, token: string): Promise<LoopView> {
    let outcome: StepOutcome;
    let trouble: Trouble | null = null;
    try {
      outcome = await this.#options.ensures[row.state](row, token);
    } catch (error) {
      outcome = "failed";
      trouble = this.#troubleOf(error);
    }
    if (row.state === "deleting" && outcome === "done") return this.#deleted();
    this.#unwritten = trouble ?? undefined;
    const view = await this.#write(row, token, outcome, trouble);
    // If this process lacks the privilege to remove everything, another process that has the privilege can take over
    // now.
    if (row.state === "deleting" && outcome === "failed") await this.leave();
    return view;
  }

  async #write(
    row: LifecycleRow,
    token: string,
    outcome: StepOutcome,
    trouble: Trouble | null,
  ): Promise<LoopView> {
    const state = nextState(row.state, desiredState(row.mode), outcome) as LifecycleRow["state"];
    const failures = trouble === null ? 0 : row.failures + 1;
    const hasMoved = state !== row.state;
    if (hasMoved || failures > 0 || row.failures > 0) {
      const isOurs = await this.#options.store.save(token, { state, failures, trouble: storedOf(trouble) });
      if (!isOurs) {
        this.#token = undefined;
        return { ...this.#view, isMoving: true };
      }
    }
    this.#unwritten = undefined;
    const { mode } = row;
    const since = hasMoved ? new Date(this.#options.now()) : row.since;
    return { state, mode, since, holder: "here", failures, trouble, isMoving: hasMoved && trouble === null };
  }

  /** The schema does not exist, so there is no row to write to. */
  async #make(): Promise<LoopView> {
    await this.#options.ensures.initializing(undefined, undefined);
    return NOTHING_KNOWN;
  }

  #follow({ state, mode, since, holder, failures, trouble }: LifecycleRow): LoopView {
    // A failure that this process could not record in the row is dropped: the process that now drives the indexer will
    // meet the same failure.
    this.#unwritten = undefined;
    const sinceMs = this.#options.now();
    const told = trouble === null ? null : { ...trouble, sinceMs };
    return { state, mode, since, holder, failures, trouble: told, isMoving: false };
  }

  #deleted(): LoopView {
    this.#token = undefined;
    return { ...NOTHING_KNOWN, state: "deleted", since: this.#view.since, isMoving: false };
  }

  #failed(view: LoopView, error: unknown): LoopView {
    const trouble = this.#troubleOf(error);
    this.#unwritten = trouble;
    const isHealthy = view.state === "initializing" || view.state === "running";
    const state = isHealthy ? "repairing" : view.state;
    return { ...view, state, failures: view.failures + 1, trouble, isMoving: false };
  }

  #troubleOf(error: unknown): Trouble {
    const before = this.#view.trouble;
    const trouble = troubleOf(error, this.#options.now());
    return before?.code === trouble.code ? { ...trouble, sinceMs: before.sinceMs } : trouble;
  }
}

function storedOf(trouble: Trouble | null): StoredTrouble | null {
  if (trouble === null) return null;
  const { code, message, remedy } = trouble;
  return { code, message, remedy };
}
