/**
 * The frame of every repair test: one world per file, and a new execution environment per repair. After each test the
 * frame checks the rules of docs/architecture.md and the statistics, and that nothing is left over.
 */

import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { checkRules } from "../../dev/demo/check-rules.ts";
import type { RepairResult, RepairStep } from "../../lib/jobs/repair/repair-dependencies.ts";
import type { LeasedSlab } from "../../lib/slab/leased-slab.ts";
import { createLogger } from "../../lib/telemetry/logger.ts";
import { openRepairEnvironment, type RepairEnvironment } from "../../lib/worker/open-repair-environment.ts";
import type { WorkerSettings } from "../../lib/worker/worker-settings.ts";
import { createFastClock } from "./fast-clock.ts";
import {
  createRepairWorld,
  type RepairWorld,
  type StoredSlab,
  WORLD_SETTINGS,
  type WorldHost,
} from "./repair-world.ts";
import { statisticsThatDisagree } from "./seed-statistics.ts";

export interface RepairOptions {
  readonly remainingMs?: number;
  readonly variables?: Readonly<Record<string, string>>;
  readonly settings?: Partial<WorkerSettings>;
  /** Called after each step. `occurrence` counts the steps of the same name, from 1. */
  readonly at?: (step: RepairStep, occurrence: number) => void | Promise<void>;
  /** Default 1: real time. */
  readonly timesFaster?: number;
  /** Default `Math.random`. With a constant, hosts of equal score are chosen in the order in which they are listed. */
  readonly random?: () => number;
}

export interface JournalRow {
  readonly outcome: string;
  readonly reported_outcome: string;
  readonly error: string | null;
  readonly moves: readonly { readonly index: number; readonly how: string; readonly to: string }[];
  readonly lost: readonly { readonly root: string; readonly host: string }[];
  readonly dropped: readonly { readonly index: number; readonly why: string }[];
}

export interface RepairSuite {
  readonly world: RepairWorld;
  /** Leases and repairs a slab in a new environment, which is closed after the test. */
  repair(slab: StoredSlab, options?: RepairOptions): Promise<RepairResult>;
  /** Repairs a slab for which a lease exists, also in a new environment. */
  repairTask(task: LeasedSlab, options?: RepairOptions): Promise<RepairResult>;
  /** An environment that lasts until the end of the test. */
  open(options?: RepairOptions): { readonly environment: RepairEnvironment; readonly pending: () => number };
  /** Total bytes that were read from and written to all hosts, and the number of reads and writes that began. */
  traffic(): Promise<{
    readonly bytesRead: number;
    readonly bytesWritten: number;
    readonly transfers: number;
  }>;
  journal(slab: StoredSlab): Promise<JournalRow[]>;
  /** What indexd's table `slabs` and our table `repairs` record about a slab. */
  history(slab: StoredSlab): Promise<{
    readonly failed: number;
    readonly waitsMs: number;
    readonly badShards: readonly number[];
    readonly objects: number;
    readonly outcome: string | undefined;
  }>;
  /** Hosts without a sector of the slab. */
  spare(slab: StoredSlab): WorldHost[];
  /** Leaves only these as candidates: indexd records all others as full. */
  onlyCandidates(hosts: readonly WorldHost[]): Promise<void>;
  /** Lets the check after this test accept leases, for a test that leaves leases on purpose. */
  allowLeases(): void;
}

export function repairSuite(options: { readonly hosts: number }): RepairSuite {
  let world: RepairWorld | undefined;
  let opened: RepairEnvironment[] = [];
  let isSettled = true;
  // Lines of all levels are logged, so that all are searched for secrets (test/canary).
  const logger = createLogger("trace", { indexer: "default", destination: { write: () => {} } });
  const now = (): RepairWorld => {
    if (world === undefined) throw new Error("the world is made before the first test");
    return world;
  };
  beforeAll(async () => {
    world = await createRepairWorld(options);
  });
  afterAll(() => world?.stop());
  beforeEach(async () => {
    isSettled = true;
    await now().heal();
  });
  afterEach(async () => {
    await Promise.all(opened.map((environment) => environment.close()));
    opened = [];
    const { sql } = now().database;
    expect(await checkRules(sql, { settled: isSettled })).toEqual([]);
    expect(await statisticsThatDisagree(sql)).toEqual([]);
    await sql`delete from slabmend.leases`;
    const faults = await Promise.all(now().hosts.map(async ({ swarm }) => (await swarm.counters()).faults));
    expect(faults.flat()).toEqual([]);
  });

  const open: RepairSuite["open"] = ({
    variables,
    settings,
    at,
    timesFaster = 1,
    random = Math.random,
  } = {}) => {
    const clock = createFastClock(timesFaster);
    const counts = new Map<RepairStep, number>();
    const environment = openRepairEnvironment({
      variables: { ...now().variables, ...variables },
      settings: { ...WORLD_SETTINGS, ...settings },
      clock,
      random,
      logger,
      step: async (name) => {
        counts.set(name, (counts.get(name) ?? 0) + 1);
        await at?.(name, counts.get(name)!);
      },
    });
    opened.push(environment);
    return { environment, pending: () => clock.pending };
  };

  const repairTask: RepairSuite["repairTask"] = async (task, run = {}) => {
    const { environment, pending } = open(run);
    const result = await environment.repair(task, {
      id: `test/${task.token}`,
      remainingMs: run.remainingMs ?? 120_000,
    });
    // Lambda would freeze the environment at this point, so no timer may be pending.
    expect(pending()).toBe(0);
    return result;
  };

  return {
    get world() {
      return now();
    },
    open,
    repairTask,
    repair: async (slab, run) => repairTask(await now().lease(slab), run),
    async traffic() {
      const counters = await Promise.all(now().hosts.map(({ swarm }) => swarm.counters()));
      return {
        bytesRead: counters.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
        bytesWritten: counters.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
        transfers: counters.reduce(
          (sum, { rpcs }) => sum + (rpcs["ReadSector"] ?? 0) + (rpcs["WriteSector"] ?? 0),
          0,
        ),
      };
    },
    async journal(slab) {
      return await now().database.sql<JournalRow[]>`
        select outcome, reported_outcome, error, moves, lost, dropped from slabmend.journal
        where slab_id = ${String(slab.id)} order by id`;
    },
    async history(slab) {
      const [row] = await now().database.sql`
        select s.consecutive_failed_repairs as failed,
          (extract(epoch from s.next_repair_attempt - clock_timestamp()) * 1000)::float8 as waits,
          r.last_outcome as outcome, coalesce(r.bad_shards, '[]') as bad, coalesce(r.object_count, 0) as objects
        from slabs s left join slabmend.repairs r on r.slab_id = s.id where s.id = ${String(slab.id)}`;
      return {
        failed: row!["failed"] as number,
        waitsMs: row!["waits"] as number,
        badShards: (row!["bad"] as { index: number }[]).map(({ index }) => index),
        objects: row!["objects"] as number,
        outcome: (row!["outcome"] as string | null) ?? undefined,
      };
    },
    spare: (slab) => now().hosts.filter((host) => !slab.hosts.includes(host)),
    async onlyCandidates(hosts) {
      for (const { row } of now().hosts) {
        const room = hosts.some((host) => host.row.id === row.id) ? 262_144 : 0;
        await now().database.sql`update hosts set settings_remaining_storage = ${room} where id = ${row.id}`;
      }
    },
    allowLeases() {
      isSettled = false;
    },
  };
}
