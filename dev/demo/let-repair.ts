/**
 * Deploys the functions and watches until the fleet is done: every damaged sector that some host may take is healthy,
 * no lease is left, and every event is bumped.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import { systemClock } from "../../lib/clock/clock.ts";
import { ANSWER_MS, createDeadlineClient } from "../../lib/database/client/deadline-client.ts";
import type { SlabId } from "../../lib/slab/ids.ts";
import type { FunctionLine } from "../aws/execution-environment.ts";
import type { Deployment, LocalRuntime } from "../runtime/runtime.ts";
import type { Swarm } from "../swarm/swarm.ts";
import type { SessionSample } from "./check-sessions.ts";
import { isDatabaseAway } from "./database-away.ts";
import type { DatabaseProxy } from "./database-proxy.ts";
import {
  type DisturbancesDone,
  type DisturbancesWanted,
  hasRunningLease,
  startDatabaseDisturber,
} from "./disturb-database.ts";
import { isDrained } from "./drain-hosts.ts";
import { MIN_HOST_DISTANCE_KM } from "./fleet-settings.ts";
import { type ForgetfulHosts, type Forgetting, startForgetfulHosts } from "./forgetful-hosts.ts";
import type { DamagedSector } from "./inflict-damage.ts";
import { startWorkerKiller } from "./kill-workers.ts";
import { FLEET_ROLE } from "./open-database.ts";
import { formatSeconds, type Progress } from "./progress.ts";
import type { DemoHost } from "./register-hosts.ts";
import { startSessionSampler } from "./sample-sessions.ts";
import { type DangerWatch, readDanger } from "./watch-danger.ts";
import {
  type RepairState,
  readRepairState,
  readTraffic,
  slabsWithDestination,
  type Traffic,
} from "./watch-repairs.ts";

const POLL_MS = 500;
/**
 * If nothing changes for this time, the demo gives up. It is longer than any wait that ends by itself: a slab waits two
 * minutes after a fault, or three minutes until a repair's hold ends.
 */
const GIVE_UP_AFTER_MS = 200_000;
/**
 * A part of the error that functions log during a move, from the switch until the functions' database address leads to
 * the target.
 */
const CLOSED = "permission denied for database";
/** The most log lines of the functions that are shown, because a failing fleet repeats the same line. */
const MOST_LOG_LINES = 20;

export interface RepairsDone {
  readonly state: RepairState;
  readonly killedWorkers: number;
  /** Damaged sectors that are not healthy although a host could take them. */
  readonly openWithDestination: number;
  /** Why the demo stopped waiting before the fleet was done; undefined: the fleet was done. */
  readonly gaveUp: string | undefined;
  /** Bodies of the messages that workers received. */
  readonly messages: readonly string[];
  /** Samples of the fleet's sessions during the deployment. */
  readonly samples: readonly SessionSample[];
  readonly disturbed: DisturbancesDone;
  readonly forgetting: Forgetting;
}

export interface LetRepairOptions {
  /**
   * Makes a database client. Each part of the demo has a client of its own, because a part that waits for a lock must
   * not stop the others.
   */
  readonly connect: () => Sql;
  readonly proxy: DatabaseProxy;
  readonly disturbances: { readonly wanted: DisturbancesWanted; readonly random: () => number };
  readonly runtime: LocalRuntime<Swarm>;
  readonly deployment: Pick<Deployment, "functions" | "schedules" | "consumer">;
  readonly hosts: readonly DemoHost[];
  /** Hosts that deny every sector when repairs begin. */
  readonly forgetful: readonly DemoHost[];
  readonly damage: readonly DamagedSector[];
  readonly danger: DangerWatch;
  readonly kills: { readonly wanted: number; readonly random: () => number };
  readonly progress: Progress;
  /** The current state, as lines for a terminal. */
  readonly draw: (state: RepairState, traffic: Traffic, seconds: number) => readonly string[];
  readonly signal: AbortSignal;
}

export async function letRepair(options: LetRepairOptions): Promise<RepairsDone> {
  const { connect, proxy, disturbances, runtime, deployment, damage, kills, progress } = options;
  const logs = createLogLines(progress);
  await using stack = new AsyncDisposableStack();
  const client = (): Sql => {
    const sql = connect();
    stack.defer(() => sql.end());
    return sql;
  };
  const fails = (what: string) => (error: unknown) => {
    // While the database is interrupted on purpose, the demo's own queries fail too.
    if (!isDatabaseAway(error)) logs.add(`${what} failed: ${String(error)}`);
  };
  const deployed = await runtime.deploy({
    ...deployment,
    onLine({ functionName, line }: FunctionLine) {
      // During a move the old server refuses logins; this is expected.
      if (!line.includes(CLOSED)) logs.add(`${functionName}: ${line}`);
    },
    onProblem: (problem) => logs.add(problem),
  });
  const messages: string[] = [];
  deployed.mapping.on("workerStarted", (worker) => messages.push(...worker.messages.map(({ body }) => body)));
  const sampler = startSessionSampler({
    sql: client(),
    role: FLEET_ROLE,
    pools: [...deployed.pools.values()],
    hasLeft: proxy.hasLeft,
    onFailure: fails("looking at the fleet's sessions"),
  });
  const disturber = startDatabaseDisturber({
    connect,
    role: FLEET_ROLE,
    proxy,
    ...disturbances,
    onDone: (line) => progress.line(line),
    onFailure: fails("disturbing the database"),
  });
  const looker = client();
  const forgetful = startForgetfulHosts({
    hosts: options.forgetful,
    isRepairing: () => hasRunningLease(looker).catch(() => false),
    onLine: (line) => progress.line(line),
    onFailure: fails("making hosts remember"),
  });
  try {
    const killer = startWorkerKiller({
      sql: client(),
      mapping: deployed.mapping,
      movesOf: (slabId) => damage.filter((sector) => sector.slabId === slabId).length,
      ...kills,
      onKilled: ({ pid, slabId }) =>
        progress.line(`killed worker ${pid}, which was repairing slab ${slabId}`),
      onFailure: fails("killing a worker"),
    });
    try {
      const end = await watch(options, forgetful);
      const disturbed = await disturber.stop();
      return {
        ...end,
        disturbed,
        forgetting: await forgetful.stop(),
        killedWorkers: killer.hits,
        messages,
        samples: await sampler.stop(),
      };
    } finally {
      await killer.stop();
    }
  } finally {
    await forgetful.stop();
    await disturber.stop();
    await sampler.stop();
    await deployed.stop();
  }
}

async function watch(
  options: LetRepairOptions,
  forgetful: ForgetfulHosts,
): Promise<Pick<RepairsDone, "state" | "openWithDestination" | "gaveUp">> {
  const { hosts, damage, danger, progress, signal } = options;
  const database = createDeadlineClient({ clock: systemClock, connect: options.connect });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => database.end());
  const read = <Result>(statements: (sql: Sql) => Promise<Result>): Promise<Result> =>
    database.runIdempotent(ANSWER_MS, statements);
  const startedAtMs = Date.now();
  let lastChange = { what: "", atMs: startedAtMs };
  let crashesSeen = 0;
  for (;;) {
    const { state, reachable } = await read((sql) => readInOneSnapshot(sql, damage));
    // The danger is read after the state. So if the state shows a slab as repaired, the later reading of the danger no
    // longer shows that slab as close to loss.
    danger.see(await read(readDanger));
    const traffic = await readTraffic(hosts);
    progress.status(options.draw(state, traffic, (Date.now() - startedAtMs) / 1_000));
    if (state.expiredLeases > crashesSeen) {
      progress.line(`reaped ${state.expiredLeases - crashesSeen} expired leases of killed workers`);
      crashesSeen = state.expiredLeases;
    }
    const openIds = state.open.map(({ slabId }) => slabId);
    const openWithDestination = countOf(openIds, reachable);
    const isSettled = await read((sql) => forgetful.isSettled(sql));
    // Slabs with sectors that no host can take are tried once too. Until they have been tried, a new lease may come at
    // any time.
    const isTried = state.endedRepairs >= new Set(openIds).size;
    // If damaged sectors are left that no host can take, do not wait for a drain: it may never end.
    const isOver = openIds.length > 0 || (await read(isDrained));
    const settled = isSettled && isTried && isOver && state.liveLeases === 0 && state.unsentEvents === 0;
    if (openWithDestination === 0 && settled) return { state, openWithDestination, gaveUp: undefined };

    const what = JSON.stringify([state.open.length, state.endedRepairs, state.liveLeases]);
    if (what !== lastChange.what) lastChange = { what, atMs: Date.now() };
    const gaveUp = whyGiveUp(state, Date.now() - lastChange.atMs, isSettled);
    if (gaveUp !== undefined) return { state, openWithDestination, gaveUp };
    await sleep(POLL_MS, undefined, { signal });
  }
}

/**
 * Reads the repairs' state and the slabs with a destination in one snapshot. If a repair ended between two snapshots,
 * its slab would be open in the first, and would have no destination in the second.
 */
function readInOneSnapshot(sql: Sql, damage: LetRepairOptions["damage"]) {
  return sql.begin("isolation level repeatable read", async (tx) => {
    const state = await readRepairState(tx, damage);
    const openIds = state.open.map(({ slabId }) => slabId);
    return { state, reachable: await slabsWithDestination(tx, openIds, MIN_HOST_DISTANCE_KM) };
  });
}

/** @param isSettled the answer of {@link ForgetfulHosts.isSettled} */
function whyGiveUp(state: RepairState, sinceChangeMs: number, isSettled: boolean): string | undefined {
  if (sinceChangeMs > GIVE_UP_AFTER_MS)
    return `nothing has changed for ${formatSeconds(sinceChangeMs / 1_000)}`;
  if (!isSettled || state.liveLeases > 0 || state.nextAttemptMs <= GIVE_UP_AFTER_MS) return undefined;
  return `the next attempt would be in ${formatSeconds(state.nextAttemptMs / 1_000)}; last outcomes: ${state.lastOutcomes.join(", ")}`;
}

function countOf(slabIds: readonly SlabId[], among: readonly SlabId[]): number {
  return slabIds.filter((slabId) => among.includes(slabId)).length;
}

function createLogLines(progress: Progress): { add(line: string): void } {
  let shown = 0;
  return {
    add(line) {
      shown += 1;
      if (shown <= MOST_LOG_LINES) progress.line(line);
    },
  };
}
