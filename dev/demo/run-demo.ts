/**
 * The demo, from an empty folder to the verdict:
 *
 *   plan -> start -> store -> damage -> deploy -> (indexd's part, kills, repairs) -> check -> read back -> stop
 *
 * Everything that the demo starts is stopped by the local runtime or by the disposable stack in `runDemo`.
 */
import { tmpdir } from "node:os";
import type { Sql } from "postgres";
import { createKernel } from "../../lib/kernel/kernel.ts";
import { accountKeyFromSeed } from "../../lib/keys/account-key.ts";
import { INDEXD_RELEASES, NEWEST_RELEASE, NEWEST_VERSION } from "../indexd/indexd-schema.ts";
import type { PostgresServer } from "../postgres/postgres.ts";
import { type LocalRuntime, startLocalRuntime } from "../runtime/runtime.ts";
import { startSwarmProcess } from "../swarm/start-swarm-process.ts";
import type { Swarm } from "../swarm/swarm.ts";
import { findEventViolations } from "./check-events.ts";
import { plantedLosses, readLosses } from "./check-losses.ts";
import { findViolations } from "./check-outcome.ts";
import { startDatabaseProxy } from "./database-proxy.ts";
import type { DemoOptions } from "./demo-options.ts";
import { assertDiskSpace, neededBytes, storedBytes } from "./disk-space.ts";
import { missedDisturbances } from "./disturb-database.ts";
import { readDrain } from "./drain-hosts.ts";
import { deploymentOf, INDEXD_LOOPS, MIN_HOST_DISTANCE_KM, QUEUE_OPTIONS } from "./fleet-settings.ts";
import { followEvents } from "./follow-events.ts";
import { type DamagedSector, inflictDamage } from "./inflict-damage.ts";
import { letRepair, type RepairsDone } from "./let-repair.ts";
import {
  countRepairs,
  type MoveDone,
  moveInMidRun,
  requirePgDump,
  SOURCE_SETTINGS,
  startTarget,
} from "./move-in-mid-run.ts";
import { connectOwner, type DemoDatabase, openDatabase } from "./open-database.ts";
import { type DamagePlan, planDamage } from "./plan-damage.ts";
import { isMoved } from "./plan-losses.ts";
import { type PlannedObject, planObjects } from "./plan-objects.ts";
import { playIndexd } from "./play-indexd.ts";
import { counted, formatBytes, formatSeconds, type Progress } from "./progress.ts";
import { readBack } from "./read-back.ts";
import { readLeftovers } from "./read-leftovers.ts";
import { type DemoHost, registerHosts, TIP_HEIGHT } from "./register-hosts.ts";
import { type DemoFindings, type DemoResult, summarize } from "./report.ts";
import type { RunSample } from "./report-page.ts";
import { prepareRestore } from "./restore-drill.ts";
import { seededBytes, seededRandom } from "./seeded-random.ts";
import { drawAndSample, showResult, writeReport } from "./show-run.ts";
import { storeObjects } from "./store-objects.ts";
import { type Upgrade, upgradeInMidRun } from "./upgrade-in-mid-run.ts";
import { type Verification, verifyHost } from "./verify-host.ts";
import {
  countLeasedBefore,
  createDangerWatch,
  type DangerWatch,
  NEAR_MARGIN,
  readDanger,
  readFirstLeases,
} from "./watch-danger.ts";
import { readTraffic } from "./watch-repairs.ts";
import { prepareWrongClocks, readClockFaults } from "./wrong-clocks.ts";

/** Memory of the kernel with which this process encodes, reads back and decodes the objects. */
const KERNEL_BYTES = 48 * 1_048_576;

interface DemoRun {
  readonly options: DemoOptions;
  readonly progress: Progress;
  /** Whether the terminal shows colours. */
  readonly colours: boolean;
  readonly signal: AbortSignal;
  readonly plan: DamagePlan;
  readonly objects: readonly PlannedObject[];
  /** A sample is added from time to time while the fleet repairs. */
  readonly samples: RunSample[];
  readonly startedAtMs: number;
}

/**
 * Runs the demo and stops everything that it started.
 * @throws {DemoError} before anything is started; the signal's reason if the signal aborts the run
 */
export async function runDemo(
  options: DemoOptions,
  { progress, colours, signal }: Pick<DemoRun, "progress" | "colours" | "signal">,
): Promise<DemoResult> {
  const startedAtMs = Date.now();
  // The quick check runs first, because planning for many hosts takes minutes.
  await assertDiskSpace(tmpdir(), storedBytes(options.slabs * options.totalShards));
  const plan = planDamage(options);
  const objects = planObjects(options);
  const pgDump = options.move ? await requirePgDump() : undefined;
  const bytes = neededBytes(options, plan);
  await assertDiskSpace(tmpdir(), bytes);
  if (options.report !== undefined) await writeReport(options.report, "");
  progress.line(`seed ${options.seed}; up to ${formatBytes(bytes)} in ${tmpdir()}`);
  if (plan.crampedSlabs > 0) {
    progress.line(
      `${counted(plan.crampedSlabs, "slab")} will have more sectors to move than hosts that may take them`,
    );
  }
  const samples: RunSample[] = [];
  const run: DemoRun = { options, progress, colours, signal, plan, objects, samples, startedAtMs };
  progress.status("starting database, queue and hosts");
  let wrongClocks = "";
  const runtime = await startLocalRuntime<Swarm>({
    queue: QUEUE_OPTIONS,
    // Acknowledged commits must survive a crash of the server, as with PostgreSQL's defaults.
    postgres: {
      settings: {
        synchronous_commit: "on",
        full_page_writes: "on",
        ...(options.move ? SOURCE_SETTINGS : {}),
      },
    },
    signal,
    async startSwarm(dir) {
      wrongClocks = await prepareWrongClocks(dir, options.wrongClocks);
      return startSwarmProcess({ hostCount: options.hosts, dir, seed: options.seed, tipHeight: TIP_HEIGHT });
    },
  });
  let target: PostgresServer | undefined;
  try {
    const release = INDEXD_RELEASES[options.indexd];
    const database = await openDatabase(runtime.postgres, options.workers, release, options.move);
    if (options.move) target = await startTarget(connectOwner);
    const moving = target === undefined || pgDump === undefined ? undefined : { target, pgDump };
    try {
      return await inRuntime(run, runtime, database, wrongClocks, moving);
    } finally {
      await database.sql.end({ timeout: 1 });
      await database.proxy?.stop();
    }
  } finally {
    progress.status("stopping");
    await target?.stop();
    await runtime.stop();
    progress.clear();
  }
}

async function inRuntime(
  run: DemoRun,
  runtime: LocalRuntime<Swarm>,
  { sql, fleetUrl, connect, proxy: indexdProxy }: DemoDatabase,
  wrongClocks: string,
  moving: { readonly target: PostgresServer; readonly pgDump: string } | undefined,
): Promise<DemoResult> {
  const { options, progress, signal, plan, objects } = run;
  const migrationSeed = seededBytes(options.seed, "migration seed", 32);
  const { account } = accountKeyFromSeed(migrationSeed);
  const kernel = createKernel({ memoryBytes: KERNEL_BYTES });
  const hosts = await registerHosts(sql, runtime.swarm, account);
  progress.line(`${counted(hosts.length, "host")}, PostgreSQL 18 and SQS are up after ${sinceStart(run)}`);

  let stored = 0;
  const total = options.slabs * options.totalShards;
  const slabs = await storeObjects({
    sql,
    kernel,
    hosts,
    options,
    objects,
    placement: plan.placement,
    signal,
    onStored(count) {
      stored += count;
      progress.status(`storing: ${stored} of ${total} sectors`);
    },
  });
  progress.clear();
  progress.line(
    `${counted(objects.length, "object")} in ${counted(options.slabs, "slab")} of ${options.minShards}-of-${options.totalShards}, ` +
      `${total} sectors, are stored after ${sinceStart(run)}`,
  );

  const drill = options.restore
    ? await prepareRestore({ server: runtime.postgres, sql, hosts, kernel, account, migrationSeed, ...run })
    : undefined;
  await using _files = { [Symbol.asyncDispose]: async () => void (await drill?.stop()) };
  const damage = await inflictDamage(sql, plan, hosts, slabs);
  const forgetful = hosts.filter((_, number) => plan.fates[number] === "forgetful");
  // The time until no slab is close to loss is measured from here.
  const danger = createDangerWatch(await readDanger(sql));
  for (const line of describeDamage(run, damage, danger)) progress.line(line);

  const indexdSql = connect();
  const indexd = playIndexd({ sql: indexdSql, hosts, account, loops: INDEXD_LOOPS });
  const follower = followEvents(sql);
  const upgrade = options.upgrade ? startUpgrade(run, sql) : undefined;
  const proxy = await startDatabaseProxy(fleetUrl);
  const move =
    moving === undefined
      ? undefined
      : moveInMidRun({
          ...moving,
          source: runtime.postgres,
          sql,
          indexd: indexdProxy!,
          fleet: proxy,
          progress,
          signal,
        });
  // `move` is awaited when the repairs are done; until then a rejection must not count as unhandled.
  move?.catch(() => {});
  let moved: MoveDone | undefined;
  let repairs: RepairsDone;
  let indexdFailure: Error | undefined;
  try {
    const deployment = deploymentOf({
      ...runtime,
      workers: options.workers,
      databaseUrl: proxy.url,
      migrationSeed,
      wrongClocks,
      archive: drill?.archive,
    });
    const kills = { wanted: options.killWorkers, random: seededRandom(options.seed, "kills") };
    const disturbances = { wanted: options, random: seededRandom(options.seed, "disturbances") };
    repairs = await letRepair({
      connect,
      proxy,
      disturbances,
      runtime,
      deployment,
      hosts,
      forgetful,
      damage,
      danger,
      kills,
      progress,
      draw: (...now) => drawAndSample(run, { slabs, damage }, ...now),
      signal,
    });
    await upgrade?.done;
    moved = await move;
    progress.clear();
  } finally {
    await upgrade?.done.catch(() => {});
    await move?.catch(() => {});
    indexdFailure = (await indexd.stop()) ?? (await follower.stop());
    await indexdSql.end();
    await proxy.stop();
  }
  progress.line(`repairs are done after ${sinceStart(run)}`);

  const traffic = await readTraffic(hosts);
  const leftovers = await readLeftovers(sql, MIN_HOST_DISTANCE_KM);
  const violations = await findViolations(sql, {
    hosts,
    slabs,
    planted: plantedLosses(plan, hosts, slabs),
    forgetful: new Set(forgetful.map(({ row }) => row.id)),
    left: new Set(hosts.filter((_, number) => isMoved(plan.fates[number]!)).map(({ row }) => row.id)),
    ...repairs,
  });
  const publishes = options.upgrade || options.indexd === NEWEST_RELEASE;
  const { published } = indexd;
  const events = { published, before: upgrade?.eventsBefore, told: follower.told, publishes };
  violations.push(...(await findEventViolations(sql, events)));
  if (indexdFailure !== undefined) violations.push(`indexd's own loops failed: ${indexdFailure.message}`);
  let read = 0;
  const unreadable = await readBack({
    sql,
    kernel,
    hosts,
    objects,
    seed: options.seed,
    moved: new Set(repairs.state.moved.keys()),
    signal,
    onRead(count) {
      read += count;
      progress.status(`reading objects back: ${read} sectors`);
    },
  });
  progress.clear();
  const verification = await verifyAtTheEnd(run, { sql, hosts, migrationSeed });
  const clockFaults = await readClockFaults(sql);
  const falseLosses = (await readLosses(sql)).counted
    .filter(({ hostId }) => forgetful.some(({ row }) => row.id === hostId))
    .reduce((sum, { sectors }) => sum + sectors, 0);
  const leasedBefore = countLeasedBefore(danger.nearAtStart, await readFirstLeases(sql));
  // The restore drill is last, because it replaces the database.
  const restore = await drill?.run({ moved: new Set(repairs.state.moved.keys()) });
  violations.push(...(restore?.violations ?? []));
  const findings: DemoFindings = {
    clockFaults,
    move:
      moved === undefined
        ? null
        : { ...moved, repairsAfter: (await countRepairs(sql)) - moved.repairsBefore },
    slabs: slabs.length,
    damage,
    traffic,
    violations,
    unreadable,
    danger: {
      slabs: danger.nearAtStart.size,
      msUntilNone: danger.msUntilNoneNear,
      leasedBefore,
    },
    killsWanted: options.killWorkers,
    falseLosses,
    restore,
    missed: [
      ...missedDisturbances(options, repairs.disturbed),
      ...(clockFaults.count === options.wrongClocks
        ? []
        : [`${clockFaults.count} repairs were refused for a wrong clock, expected ${options.wrongClocks}`]),
    ],
    leftovers,
    verification,
    objects: objects.length,
    hosts: options.hosts,
    totalShards: options.totalShards,
    seconds: (Date.now() - run.startedAtMs) / 1_000,
    drain: await readDrain(
      sql,
      hosts.filter((_, number) => plan.fates[number] === "draining"),
    ),
    indexd: options.upgrade ? `${options.indexd} to ${NEWEST_RELEASE}` : options.indexd,
    ...repairs,
  };
  const result = summarize(findings);
  await showResult(run, { slabs, damage, state: repairs.state }, findings, result);
  return result;
}

/** Runs after all other checks, because it changes the hosts' content. */
async function verifyAtTheEnd(
  { options, progress, signal }: DemoRun,
  parts: { readonly sql: Sql; readonly hosts: readonly DemoHost[]; readonly migrationSeed: Uint8Array },
): Promise<Verification | undefined> {
  if (options.verify === 0) return undefined;
  const { sql, ...rest } = parts;
  const random = seededRandom(options.seed, "verify");
  const verification = await verifyHost(sql, { ...rest, wanted: options.verify, random, signal });
  const { planted, checked, confirmed, denied } = verification;
  progress.line(
    `${counted(planted, "sector")} vanished from a host; a verification asked it for ${checked}: ${confirmed} proved, ${denied} denied`,
  );
  return verification;
}

function startUpgrade({ options, progress, signal }: DemoRun, sql: Sql): Upgrade {
  const from = INDEXD_RELEASES[options.indexd];
  const versions = Array.from({ length: NEWEST_VERSION - from }, (_, step) => from + 1 + step);
  const upgrade = upgradeInMidRun({ sql, versions, workers: options.workers, progress, signal });
  // `upgrade.done` is awaited when the repairs are done; until then a rejection must not count as unhandled.
  upgrade.done.catch(() => {});
  return upgrade;
}

function sinceStart({ startedAtMs }: DemoRun): string {
  return formatSeconds((Date.now() - startedAtMs) / 1_000);
}

function describeDamage(
  { options, plan }: DemoRun,
  damage: readonly DamagedSector[],
  danger: DangerWatch,
): string[] {
  const slabs = new Set(damage.map(({ slabId }) => slabId)).size;
  const unnoticed = plan.lost.filter(({ noticed }) => !noticed).length;
  return [
    `hosts: ${options.dead} dead, ${options.blocked} blocked but readable, ${options.badContracts} with a bad contract, ` +
      `${options.liars} lying, ${options.forgetfulHosts} forgetful, ${options.drain} to be drained; ${counted(options.lostSectors, "sector")} lost, ${unnoticed} of them unnoticed`,
    `${counted(danger.nearAtStart.size, "slab")} can lose at most ${NEAR_MARGIN} more sectors before data is lost`,
    `${counted(damage.length, "sector")} in ${counted(slabs, "slab")} must move`,
  ];
}
