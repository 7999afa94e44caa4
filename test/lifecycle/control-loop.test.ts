/**
 * Random commands, failures, deaths and restarts of several processes that drive one indexer. SLABMEND_TEST_SEED
 * repeats a run.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FleetMode } from "../../lib/database/fleet/fleet-mode.ts";
import {
  type LifecycleRow,
  readLifecycle,
  releaseLifecycle,
  type SeenLifecycle,
  saveLifecycle,
  takeLifecycle,
} from "../../lib/database/lifecycle/lifecycle.ts";
import type { LifecycleState } from "../../lib/lifecycle/state-machine.ts";
import { useDatabase } from "../support/database.ts";
import { type Backing, createLoopWorld, whereItIs } from "./loop-world.ts";

const PROCESSES = 3;

type Event =
  | { readonly kind: "poke" | "kill"; readonly process: number }
  | { readonly kind: "mode"; readonly mode: FleetMode["kind"] }
  | { readonly kind: "fail" | "heal"; readonly state: LifecycleState }
  | { readonly kind: "away" | "back" | "expire" | "lease" | "drain" };

const process = fc.integer({ min: 0, max: PROCESSES - 1 });
const state = fc.constantFrom<LifecycleState>("initializing", "running", "stopping", "repairing", "deleting");
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ kind: fc.constant("poke" as const), process }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("kill" as const), process }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("mode" as const),
      mode: fc.constantFrom<FleetMode["kind"]>(
        "running",
        "suspended",
        "suspended",
        "running",
        "paused",
        "deleting",
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("fail" as const, "heal" as const), state }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom("away", "back", "back", "expire", "lease", "drain") }),
  },
) as fc.Arbitrary<Event>;

/**
 * Applies the events, then asserts that the wanted state is reached once failures stop. The loop world asserts the
 * invariants at every write.
 */
async function drive(backing: Backing, events: readonly Event[]): Promise<readonly LifecycleState[]> {
  const world = createLoopWorld(backing, PROCESSES);
  for (const event of events) {
    if (event.kind === "poke") await world.poke(event.process);
    else if (event.kind === "kill") world.kill(event.process);
    else if (event.kind === "mode") await backing.setMode(event.mode);
    else if (event.kind === "fail") world.failing.add(event.state);
    else if (event.kind === "heal") world.failing.delete(event.state);
    else if (event.kind === "expire") await backing.expire();
    else if (event.kind === "lease") world.leases = 1;
    else if (event.kind === "drain") world.leases = 0;
    else world.isAway = event.kind === "away";
  }
  world.isAway = false;
  world.failing.clear();
  world.leases = 0;
  await backing.expire();
  await world.settle();
  for (let round = 0; round < 12; round += 1) {
    for (let index = 0; index < PROCESSES; index += 1) {
      await world.poke(index);
      await world.settle();
    }
  }
  const { state: reached, desired } = await whereItIs(backing);
  expect(reached).toBe(desired);
  return world.written;
}

/**
 * Keeps the row in memory. The store behaves like lib/database/lifecycle's statements, but its lease ends only on
 * demand.
 */
function createMemory(): Backing {
  let seen: SeenLifecycle = { kind: "absent" };
  let lease: { readonly token: string; isOver: boolean } | undefined;
  let mode: FleetMode = { kind: "running" };
  let count = 0;
  const row = (): LifecycleRow | undefined => (seen.kind === "present" ? seen.row : undefined);
  const read = async (): Promise<SeenLifecycle> =>
    seen.kind === "present" ? { kind: "present", row: { ...seen.row, mode } } : seen;
  return {
    read,
    peek: read,
    async create() {
      if (seen.kind !== "absent") return;
      const since = new Date(0);
      const holder = undefined;
      seen = {
        kind: "present",
        row: { state: "initializing", since, failures: 0, trouble: null, holder, mode },
      };
    },
    async take(token) {
      if (row() === undefined) throw new Error("no such table");
      if (lease !== undefined && lease.token !== token && !lease.isOver) return undefined;
      count += 1;
      lease = {
        token: lease !== undefined && lease.token === token ? token : `lease ${count}`,
        isOver: false,
      };
      return lease.token;
    },
    async save(token, step) {
      const before = row();
      if (before === undefined) throw new Error("no such table");
      if (lease?.token !== token) return false;
      seen = { kind: "present", row: { ...before, ...step } };
      return true;
    },
    async release(token) {
      if (lease?.token === token) lease = undefined;
    },
    async remove(token) {
      if (seen.kind !== "present" || lease?.token !== token) return false;
      seen = { kind: "deleted", tombstone: { owner: "ann", reason: undefined, deletedAt: new Date(0) } };
      return true;
    },
    async setMode(kind) {
      if (mode.kind === "deleting" || seen.kind !== "present") return;
      mode = kind === "running" ? { kind } : { kind, owner: "ann", reason: undefined, since: new Date(0) };
    },
    async expire() {
      if (lease !== undefined) lease.isOver = true;
    },
  };
}

test("the control loop skips no state, is driven by one process, and reaches the wanted state once failures stop", async () => {
  const written = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 20, maxLength: 150 }), async (events) => {
      for (const reached of await drive(createMemory(), events)) written.add(reached);
    }),
    { numRuns: Number(globalThis.process.env["SLABMEND_TEST_RUNS"] ?? 300) },
  );
  // The runs must reach all these states: a state that no run reaches is not tested.
  expect([...written].sort()).toEqual(["deleting", "repairing", "running", "stopped", "stopping"]);
});

describe("with the row in a database", () => {
  const { sql } = useDatabase();

  function createTable(): Backing {
    const read = () => readLifecycle(sql);
    return {
      read,
      peek: read,
      // The row exists and is reset before each run. kill-at-transitions.slow.test.ts tests the row's removal.
      create: async () => {},
      take: (token) => takeLifecycle(sql, { holder: "test", token, leaseMs: 600_000 }),
      save: (token, step) => saveLifecycle(sql, token, step),
      release: (token) => releaseLifecycle(sql, token),
      remove: async () => false,
      async setMode(kind) {
        const owner = kind === "running" ? null : "ann";
        await sql`
          update slabmend.fleet set mode = ${kind}, mode_owner = ${owner},
            mode_since = case when ${kind} <> 'running' then now() end where mode <> 'deleting'`;
      },
      async expire() {
        await sql`update slabmend.lifecycle set expires_at = clock_timestamp() where token is not null`;
      },
    };
  }

  test("the control loop has the same properties as with the row in memory", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          event.filter((one) => one.kind !== "mode" || one.mode !== "deleting"),
          { minLength: 20, maxLength: 60 },
        ),
        async (events) => {
          await sql`delete from slabmend.lifecycle`;
          await sql`insert into slabmend.lifecycle default values`;
          await sql`update slabmend.fleet set mode = 'running', mode_owner = null, mode_since = null`;
          await drive(createTable(), events);
        },
      ),
      { numRuns: 15 },
    );
  });

  test("a process that lost the lease writes nothing, and an extended lease keeps its token", async () => {
    await sql`delete from slabmend.lifecycle`;
    await sql`insert into slabmend.lifecycle default values`;
    const take = (token: string | undefined) => takeLifecycle(sql, { holder: "a", token, leaseMs: 600_000 });
    const first = (await take(undefined))!;
    expect(await take(undefined)).toBeUndefined();
    expect(await take(first)).toBe(first);
    await sql`update slabmend.lifecycle set expires_at = clock_timestamp()`;
    const second = (await take(undefined))!;
    expect(second).not.toBe(first);
    const trouble = { code: "lacks-right", message: "it lacks one", remedy: null };
    expect(await saveLifecycle(sql, first, { state: "repairing", failures: 1, trouble })).toBe(false);
    expect(await saveLifecycle(sql, second, { state: "repairing", failures: 1, trouble })).toBe(true);
    await releaseLifecycle(sql, first);
    expect(await readLifecycle(sql)).toMatchObject({
      kind: "present",
      row: { state: "repairing", failures: 1, trouble, holder: "a", mode: { kind: "running" } },
    });
  });
});
