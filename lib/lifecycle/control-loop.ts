/**
 * The control loop of one indexer: each step ensures what its state stands for, and writes the state that follows.
 *
 *   step: take the lease -> [record a failure that could not be written] -> ensure what the state stands for -> write the next state
 *
 * What always holds: only the holder of the lease acts and writes, and each write carries its token, so that of several processes
 * one moves an indexer on while the others follow what they read. A step never throws: what fails is told by the view, written as
 * soon as the database takes it, and tried again.
 */
import type { FleetMode } from "../database/fleet/fleet-mode.ts";
import type { LifecycleRow, SeenLifecycle, StoredTrouble } from "../database/lifecycle/lifecycle.ts";
import { type Trouble, troubleOf } from "../worker/trouble.ts";
import { type DesiredState, type LifecycleState, nextState, type StepOutcome } from "./state-machine.ts";

/** The row in the indexer's database. */
export interface LifecycleStore {
  read(): Promise<SeenLifecycle>;
  /** See takeLifecycle. */
  take(token: string | undefined): Promise<string | undefined>;
  /** See saveLifecycle. */
  save(token: string, step: Pick<LifecycleRow, "state" | "failures" | "trouble">): Promise<boolean>;
  release(token: string): Promise<void>;
}

/** What a state stands for, made true or checked. Idempotent: a crash within is answered by doing it again. */
export type Ensure = (
  row: LifecycleRow | undefined,
  token: string | undefined,
) => Promise<"done" | "under-way">;
/** `deleting` removes the row with everything else, and leaves the tombstone. */
export type Ensures = Readonly<Record<Exclude<LifecycleState, "deleted">, Ensure>>;

/** What this process knows of its indexer. */
export interface LoopView {
  /** `repairing` also while the database cannot be asked. */
  readonly state: LifecycleState;
  /** Undefined: it is not known, because the database does not answer or has no row of ours. */
  readonly mode: FleetMode | undefined;
  readonly since: Date | undefined;
  /** `here`: this process drives it. Otherwise the name of the process that does; undefined: none. */
  readonly holder: string | undefined;
  /** Of steps, in a row. */
  readonly failures: number;
  readonly trouble: Trouble | null;
  /** The next step has something to do at once. */
  readonly isMoving: boolean;
}

const DESIRED: Readonly<Record<FleetMode["kind"], DesiredState>> = {
  running: "running",
  // Its loop runs on, and leases nothing.
  paused: "running",
  maintenance: "running",
  suspended: "stopped",
  deleting: "deleted",
};

export const desiredState = (mode: FleetMode): DesiredState => DESIRED[mode.kind];

/** Before the first step, and where there is no schema of ours. */
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
  /** A failure that no row says yet. */
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
      // The database, or the row: what the state is cannot be said or written.
      this.#view = this.#failed(this.#view, error);
    }
    return this.#view;
  }

  /** Lets another process drive it at once. Never throws: the lease ends by itself. */
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
    // Read again: before the lease was ours, another process may have moved it on.
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
    // A process that may not remove everything keeps out of the way of the one that may.
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

  /** There is no schema of ours: none to write to either. */
  async #make(): Promise<LoopView> {
    await this.#options.ensures.initializing(undefined, undefined);
    return NOTHING_KNOWN;
  }

  #follow({ state, mode, since, holder, failures, trouble }: LifecycleRow): LoopView {
    // What failed here is for the process that drives it to find.
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
