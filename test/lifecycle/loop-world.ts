/**
 * One indexer and the processes that drive it, for property tests. Every call to the row and every effect of a step
 * waits at a gate: the test decides which process continues or dies, and at which point.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "vitest";
import type { FleetMode } from "../../lib/database/fleet/fleet-mode.ts";
import type { LifecycleRow, SeenLifecycle } from "../../lib/database/lifecycle/lifecycle.ts";
import {
  ControlLoop,
  desiredState,
  type Ensures,
  type LifecycleStore,
} from "../../lib/lifecycle/control-loop.ts";
import { type LifecycleState, nextState } from "../../lib/lifecycle/state-machine.ts";

/** The store of the row: in memory, or in a database. */
export interface Backing extends LifecycleStore {
  /** The operator's command. */
  setMode(kind: FleetMode["kind"]): Promise<void>;
  /** Simulates that the lease has expired. */
  expire(): Promise<void>;
  /** Makes the row, as init does. */
  create(): Promise<void>;
  /** Removes the row and leaves the tombstone, if the token is still the lease's. */
  remove(token: string): Promise<boolean>;
  /** Reads the row for assertions, even while faults are simulated. */
  peek(): Promise<SeenLifecycle>;
}

export interface World {
  readonly processes: Process[];
  isAway: boolean;
  readonly failing: Set<LifecycleState>;
  /** Number of running repairs, whose end the states "stopping" and "deleting" wait for. */
  leases: number;
  /** The token of the process that may write. */
  lease: string | undefined;
  readonly written: LifecycleState[];
}

export interface Process {
  loop: ControlLoop;
  /** Lets the process continue from the gate at which it waits; undefined if the process is between two steps. */
  proceed: (() => void) | undefined;
  stepping: Promise<unknown> | undefined;
  life: number;
}

export function createLoopWorld(
  backing: Backing,
  processes: number,
): World & {
  /** Begins a step, or lets a waiting step continue to the next gate. */
  poke(index: number): Promise<void>;
  /** Simulates SIGKILL: pending actions never happen; completed ones stay. */
  kill(index: number): void;
  /** Lets every process finish its step. */
  settle(): Promise<void>;
} {
  const world: World = {
    processes: [],
    isAway: false,
    failing: new Set(),
    leases: 1,
    lease: undefined,
    written: [],
  };
  const gate = (process: Process): Promise<void> => {
    const { life } = process;
    return new Promise((resolve) => {
      // A dead process never passes the gate.
      if (life === process.life) process.proceed = resolve;
    });
  };
  const guarded =
    <Args extends unknown[], Result>(process: Process, call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      await gate(process);
      if (world.isAway) throw Object.assign(new Error("away"), { code: "ECONNREFUSED" });
      const result = await call(...args);
      // Between the effect and its answer the process may die, or the answer may be lost.
      await gate(process);
      if (world.isAway) throw Object.assign(new Error("answer lost"), { code: "ECONNRESET" });
      return result;
    };
  const launch = (process: Process): void => {
    process.life += 1;
    process.proceed = undefined;
    process.stepping = undefined;
    const check =
      (
        state: LifecycleState,
        isDone: () => boolean,
        effect?: (token: string | undefined) => Promise<boolean>,
      ) =>
      async (_row: LifecycleRow | undefined, token: string | undefined): Promise<"done" | "under-way"> => {
        await gate(process);
        if (world.isAway) throw Object.assign(new Error("away"), { code: "ECONNREFUSED" });
        if (world.failing.has(state)) throw Object.assign(new Error(`${state} fails`), { code: "ILL" });
        if (!isDone()) return "under-way";
        if (effect !== undefined && !(await effect(token))) return "under-way";
        await gate(process);
        return "done";
      };
    const ensures: Ensures = {
      initializing: check(
        "initializing",
        () => true,
        async (token) => {
          if (token === undefined) await backing.create();
          return true;
        },
      ),
      running: check("running", () => true),
      stopping: check("stopping", () => world.leases === 0),
      stopped: check("stopped", () => true),
      repairing: check("repairing", () => true),
      deleting: check(
        "deleting",
        () => world.leases === 0,
        (token) => backing.remove(token!),
      ),
    };
    process.loop = new ControlLoop({
      now: () => 0,
      ensures,
      store: {
        read: guarded(process, () => backing.read()),
        take: guarded(process, async (token: string | undefined) => {
          const taken = await backing.take(token);
          world.lease = taken ?? world.lease;
          return taken;
        }),
        release: guarded(process, (token: string) => backing.release(token)),
        save: guarded(process, async (token: string, step: Parameters<LifecycleStore["save"]>[1]) => {
          const before = await backing.peek();
          const isOurs = await backing.save(token, step);
          if (isOurs) expectNeighbour(before, step.state);
          if (isOurs) expect(token, "only the process that took the lease last may write").toBe(world.lease);
          if (isOurs) world.written.push(step.state);
          return isOurs;
        }),
      },
    });
  };
  const poke = async (index: number): Promise<void> => {
    const process = world.processes[index]!;
    if (process.proceed !== undefined) {
      const go = process.proceed;
      process.proceed = undefined;
      go();
    } else if (process.stepping === undefined) {
      const { life } = process;
      process.stepping = process.loop.step().finally(() => {
        if (process.life === life) process.stepping = undefined;
      });
    }
    await comesToRest(process);
  };
  const isOver = (process: Process): boolean =>
    process.proceed !== undefined || process.stepping === undefined;
  const comesToRest = async (process: Process): Promise<void> => {
    for (let turns = 0; !isOver(process); turns += 1) {
      if (turns > 100_000) throw new Error("a process neither waits nor rests");
      await nextTurn();
    }
  };
  for (let index = 0; index < processes; index += 1) {
    const process = { life: 0, proceed: undefined, stepping: undefined } as unknown as Process;
    launch(process);
    world.processes.push(process);
  }
  return Object.assign(world, {
    poke,
    kill: (index: number) => launch(world.processes[index]!),
    async settle() {
      for (const [index, process] of world.processes.entries()) {
        while (process.stepping !== undefined) await poke(index);
      }
    },
  });
}

/** Checks that a write keeps the state, or changes it by one transition. */
function expectNeighbour(before: SeenLifecycle, after: LifecycleState): void {
  if (before.kind !== "present") throw new Error(`wrote ${after} where there is no row`);
  const { state } = before.row;
  const neighbours = (["running", "stopped", "deleted"] as const).flatMap((desired) =>
    (["done", "under-way", "failed"] as const).map((outcome) => nextState(state, desired, outcome)),
  );
  expect([state, ...neighbours]).toContain(after);
}

/** The indexer's current and wanted state. */
export async function whereItIs(
  backing: Backing,
): Promise<{ readonly state: string; readonly desired: string }> {
  const seen = await backing.peek();
  if (seen.kind === "deleted") return { state: "deleted", desired: "deleted" };
  if (seen.kind === "absent") return { state: "absent", desired: "running" };
  return { state: seen.row.state, desired: desiredState(seen.row.mode) };
}
