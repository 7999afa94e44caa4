import { type Clock, systemClock } from "../clock/clock.ts";
import { assertUrlIsSafe } from "../config/database-url.ts";
import { parseEnvironment, variablesOf } from "../config/parse-environment.ts";
import type { VariableName } from "../config/variables.ts";
import { connect } from "../database/client/connect.ts";
import { ANSWER_MS, createDeadlineClient } from "../database/client/deadline-client.ts";
import { readHostScores, reportHostScores } from "../database/fleet/host-scores.ts";
import { flushMoved } from "../database/indexd/bump-events.ts";
import { type NetworkSnapshot, readNetworkSnapshot } from "../database/indexd/network-snapshot.ts";
import { readSlab } from "../database/indexd/read-slab.ts";
import { beginRepair } from "../database/leases/begin-repair.ts";
import { commitRepair } from "../database/leases/commit-repair.ts";
import { extendLease } from "../database/leases/extend-lease.ts";
import { readBadShards } from "../database/reports/read-bad-shards.ts";
import { assertFleetMayWork } from "../database/schema/assert-fleet-may-work.ts";
import { createHostDialer } from "../hosts/dial-host.ts";
import { createHostPool, type HostPool } from "../hosts/host-pool.ts";
import type { RepairResult, RepairStep, RepairStore } from "../jobs/repair/repair-dependencies.ts";
import { repairMetrics } from "../jobs/repair/repair-metrics.ts";
import { repairSlab } from "../jobs/repair/repair-slab.ts";
import { memoryBytesFor, SectorMemory } from "../jobs/repair/sector-memory.ts";
import { createKernel } from "../kernel/kernel.ts";
import { accountKeyFromSeed } from "../keys/account-key.ts";
import type { LeasedSlab } from "../slab/leased-slab.ts";
import { createLogger, type Logger } from "../telemetry/logger.ts";
import { createMetrics, type MetricsPrinter } from "../telemetry/metrics.ts";
import { keepYoungGenerationSmall } from "./keep-young-generation-small.ts";
import { DEFAULT_WORKER_SETTINGS, type WorkerSettings } from "./worker-settings.ts";

/**
 * What one execution environment keeps between invocations, and its repairs share: memory, connections to hosts, prices,
 * scores.
 */
export interface RepairEnvironment {
  readonly logger: Logger;
  readonly metrics: MetricsPrinter;
  /** Repairs one slab, see {@link repairSlab}, and tells log and metrics. Nothing of it is under way when it returns. */
  repair(
    task: LeasedSlab,
    invocation: { readonly id: string; readonly remainingMs: number },
  ): Promise<RepairResult>;
  close(): Promise<void>;
}

/** What a repair needs; where its message came from is the handler's business. */
export const REPAIR_VARIABLES = variablesOf("repair").filter(
  (name): name is Exclude<VariableName, "SLABMEND_QUEUE_URL"> => name !== "SLABMEND_QUEUE_URL",
);

export interface RepairEnvironmentOptions {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** How many repairs may run at the same time; default 1, as on Lambda. */
  readonly repairsAtOnce?: number;
  /** Default: {@link DEFAULT_WORKER_SETTINGS}. */
  readonly settings?: WorkerSettings;
  readonly step?: (name: RepairStep) => void | Promise<void>;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Default: JSON lines on standard output, from SLABMEND_LOG_LEVEL on. */
  readonly logger?: Logger;
}

/** A commit tries again after conflicts for up to half a minute. */
const COMMIT_ANSWER_MS = 45_000;

/** @throws {ConfigurationError} with every problem of the environment */
export function openRepairEnvironment({
  variables,
  repairsAtOnce = 1,
  settings = DEFAULT_WORKER_SETTINGS,
  step,
  clock = systemClock,
  random = Math.random,
  logger: givenLogger,
}: RepairEnvironmentOptions): RepairEnvironment {
  const environment = parseEnvironment(REPAIR_VARIABLES, variables);
  keepYoungGenerationSmall();
  const logger =
    givenLogger ?? createLogger(environment.SLABMEND_LOG_LEVEL, { indexer: environment.SLABMEND_INDEXER });
  const kernel = createKernel({ memoryBytes: memoryBytesFor(repairsAtOnce) });
  const memory = new SectorMemory(kernel, { repairsAtOnce });
  const hosts: HostPool = createHostPool({
    clock,
    account: accountKeyFromSeed(environment.SLABMEND_MIGRATION_SEED.reveal()),
    dialer: createHostDialer({ clock, allowPrivateAddresses: environment.SLABMEND_ALLOW_PRIVATE_ADDRESSES }),
  });
  const { leaseMs } = settings;
  const verify = { acceptedVersion: environment.SLABMEND_ACCEPT_INDEXD_VERSION };
  let fleet: NetworkSnapshot | undefined;
  let mayWork = false;
  let underWay = 0;

  const metrics = createMetrics({ namespace: environment.SLABMEND_METRICS_NAMESPACE, service: "repair" });

  /** Scores make a repair faster, never possible: without them it goes on. */
  const tryScores = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      logger.warn({ error }, what);
      metrics.print({ HostScoresFailed: 1 });
    }
  };

  const openStore = (): RepairStore & { reportScores(): Promise<void>; end(): Promise<void> } => {
    const database = createDeadlineClient({
      clock,
      connect: () =>
        connect(
          environment.SLABMEND_DATABASE_URL.reveal(),
          "slabmend-repair",
          environment.SLABMEND_DATABASE_CA,
        ),
    });
    return {
      async begin(task, { worker, holdMs }) {
        // Once an environment: an upgrade of our schema comes with a deployment, which starts new ones. The grant is applied
        // again before it. An upgrade of indexd is noticed by each begin itself.
        if (!mayWork) {
          await database.runAgain(ANSWER_MS, (sql) => assertFleetMayWork(sql, verify.acceptedVersion));
        }
        mayWork = true;
        const request = { slabId: task.slabId, token: task.token, worker, holdMs, leaseMs };
        return await database.run(ANSWER_MS, (sql) => beginRepair(sql, request, {}, verify));
      },
      extend: (task, spent) => database.run(ANSWER_MS, (sql) => extendLease(sql, task, leaseMs, spent)),
      readSlab: (slabId) => database.runAgain(ANSWER_MS, (sql) => readSlab(sql, slabId)),
      readBadShards: (slabId) => database.runAgain(ANSWER_MS, (sql) => readBadShards(sql, slabId)),
      async readNetwork({ fresh = false } = {}) {
        const maxAgeMs = fresh ? 0 : settings.fleetCacheMs;
        if (fleet === undefined || clock.now() - fleet.takenAtMs >= maxAgeMs) {
          const options = {
            minHostDistanceKm: environment.SLABMEND_MIN_HOST_DISTANCE_KM,
            now: () => clock.now(),
          };
          fleet = await database.runAgain(ANSWER_MS, (sql) => readNetworkSnapshot(sql, options));
          await tryScores("what the fleet knows of hosts could not be read", async () =>
            hosts.startFrom(await database.runAgain(ANSWER_MS, (sql) => readHostScores(sql))),
          );
        }
        return fleet;
      },
      commit: (request) =>
        database.runAgain(COMMIT_ANSWER_MS, (sql) => commitRepair(sql, request, {}, verify)),
      bumpEvents: (slabId) =>
        database.run(ANSWER_MS, async (sql) => {
          await flushMoved(sql, { slabId, verify });
        }),
      async reportScores() {
        const samples = hosts.takeSamples();
        await database.run(ANSWER_MS, (sql) => reportHostScores(sql, samples));
      },
      end: () => database.end(),
    };
  };

  return {
    logger,
    metrics,
    async repair(task, { id, remainingMs }) {
      const startedAtMs = clock.now();
      // Each time: what a name resolves to may change.
      await assertUrlIsSafe(environment.SLABMEND_DATABASE_URL.reveal());
      await hosts.checkReused();
      const store = openStore();
      underWay += 1;
      try {
        const result = await repairSlab(
          task,
          {
            store,
            hosts,
            kernel,
            memory,
            clock,
            random,
            logger,
            worker: id,
            settings: { ...settings, mostHastings: environment.SLABMEND_MAX_SIACOINS_PER_REPAIR },
            ...(step === undefined ? {} : { step }),
          },
          remainingMs - (clock.now() - startedAtMs),
        );
        logger.info({ slab: String(task.slabId), ...result }, "a repair ended");
        metrics.print({ Repairs: 1 }, { outcome: result.kind });
        metrics.print({ ...repairMetrics(result), MessagesFailed: 0 });
        return result;
      } finally {
        underWay -= 1;
        // The environment may be frozen as soon as the last repair has returned.
        if (underWay === 0) await hosts.idle();
        await tryScores("what was measured of hosts was not reported", () => store.reportScores());
        await store.end();
      }
    },
    close: () => hosts.close(),
  };
}
