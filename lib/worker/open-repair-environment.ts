import type { DestinationStream } from "pino";
import { type Clock, systemClock } from "../clock/clock.ts";
import { assertUrlIsSafe } from "../config/database-url.ts";
import { parseEnvironment, variablesOf } from "../config/parse-environment.ts";
import type { VariableName } from "../config/variables.ts";
import { connect } from "../database/client/connect.ts";
import { ANSWER_MS, type Ask, createDeadlineClient } from "../database/client/deadline-client.ts";
import { createSharedClients } from "../database/client/shared-clients.ts";
import { type Others, readOthers } from "../database/reports/read-others.ts";
import type { DueBatch } from "../database/verify/due-checks.ts";
import { createHostDialer } from "../hosts/dial-host.ts";
import { createHostPool, type HostPool } from "../hosts/host-pool.ts";
import type { RepairDependencies, RepairResult, RepairStep } from "../jobs/repair/repair-dependencies.ts";
import { repairMetrics } from "../jobs/repair/repair-metrics.ts";
import { repairSlab } from "../jobs/repair/repair-slab.ts";
import { memoryBytesFor, SectorMemory } from "../jobs/repair/sector-memory.ts";
import { createKernel } from "../kernel/kernel.ts";
import { accountKeyFromSeed } from "../keys/account-key.ts";
import type { LeasedSlab } from "../slab/leased-slab.ts";
import { createLogger, type Logger } from "../telemetry/logger.ts";
import type { MetricValues } from "../telemetry/metric-names.ts";
import { createMetrics, type MetricsPrinter } from "../telemetry/metrics.ts";
import { keepYoungGenerationSmall } from "./keep-young-generation-small.ts";
import { type DueChecks, type DueChecksOptions, openDueChecks } from "./open-due-checks.ts";
import { createRepairStore, type SharedByRepairs } from "./repair-store.ts";
import { DEFAULT_WORKER_SETTINGS, type WorkerSettings } from "./worker-settings.ts";

/**
 * The state that one execution environment keeps between invocations and that its repairs share: memory, connections to
 * hosts, prices, scores.
 */
export interface RepairEnvironment {
  readonly logger: Logger;
  readonly metrics: MetricsPrinter;
  /**
   * Repairs one slab, see {@link repairSlab}, and writes log and metrics. When it returns, nothing of the repair is
   * running.
   */
  repair(
    task: LeasedSlab,
    invocation: {
      readonly id: string;
      readonly remainingMs: number;
      readonly onStep?: (name: RepairStep) => void;
    },
  ): Promise<RepairResult>;
  /** Executes the due checks of a batch. Returns the number of sectors requested. */
  check(batch: DueBatch): Promise<number>;
  /** How repairs of other workers ended in the time that the question names; see {@link readOthers}. */
  readOthers(question: Parameters<typeof readOthers>[1]): Promise<Others>;
  close(): Promise<void>;
}

/**
 * The variables that a repair needs. The queue's URL is not among them, because the environment is given its repairs
 * and does not receive messages itself.
 */
export const REPAIR_VARIABLES = variablesOf("repair").filter(
  (name): name is Exclude<VariableName, "SLABMEND_QUEUE_URL"> => name !== "SLABMEND_QUEUE_URL",
);

export interface RepairEnvironmentOptions {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Largest number of parallel repairs; default 1, as on Lambda. */
  readonly repairsAtOnce?: number;
  /** Default: {@link DEFAULT_WORKER_SETTINGS}. */
  readonly settings?: WorkerSettings;
  readonly step?: (name: RepairStep) => void | Promise<void>;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Default: our own, with the level of SLABMEND_LOG_LEVEL. */
  readonly logger?: Logger;
  /** The destination of the default logger; default: standard output, in JSON. */
  readonly logDestination?: DestinationStream | undefined;
  /** Called with every printed metric. */
  readonly onMetrics?: (values: MetricValues, dimensions: Readonly<Record<string, string>>) => void;
}

/** @throws {ConfigurationError} with every problem of the variables */
export function openRepairEnvironment({
  variables,
  repairsAtOnce = 1,
  settings = DEFAULT_WORKER_SETTINGS,
  step,
  clock = systemClock,
  random = Math.random,
  logger: givenLogger,
  logDestination,
  onMetrics,
}: RepairEnvironmentOptions): RepairEnvironment {
  const environment = parseEnvironment(REPAIR_VARIABLES, variables);
  keepYoungGenerationSmall();
  const logger =
    givenLogger ??
    createLogger(environment.SLABMEND_LOG_LEVEL, {
      indexer: environment.SLABMEND_INDEXER,
      destination: logDestination,
    });
  const kernel = createKernel({ memoryBytes: memoryBytesFor(repairsAtOnce) });
  const memory = new SectorMemory(kernel, { repairsAtOnce });
  const hosts: HostPool = createHostPool({
    clock,
    account: accountKeyFromSeed(environment.SLABMEND_MIGRATION_SEED.reveal()),
    dialer: createHostDialer({ clock, allowPrivateAddresses: environment.SLABMEND_ALLOW_PRIVATE_ADDRESSES }),
  });
  const metrics = openMetrics(environment.SLABMEND_METRICS_NAMESPACE, onMetrics);
  const tryScores = triesScores(logger, metrics);
  const { SLABMEND_DATABASE_CA: authorities, SLABMEND_MAX_SIACOINS_PER_REPAIR: mostHastings } = environment;
  const url = environment.SLABMEND_DATABASE_URL.reveal();
  const open = () =>
    createDeadlineClient({ clock, connect: () => connect(url, "slabmend-repair", authorities) });
  // At most one connection per repair: a repair and its heartbeat share one, and the heartbeat waits while the repair
  // uses it.
  const database = createSharedClients({
    open,
    clock,
    most: Math.min(settings.mostConnections, repairsAtOnce),
  });
  const shared: SharedByRepairs = {
    environment,
    settings,
    database,
    clock,
    hosts,
    tryScores,
    network: undefined,
    mayWork: false,
  };

  const checks = openChecksOnce({ environment, clock, logger, random, database, metrics });
  const parts: Parts = {
    url,
    logger,
    metrics,
    kernel,
    memory,
    random,
    shared,
    mostHastings,
    step,
    underWay: 0,
  };
  return {
    logger,
    metrics,
    repair: (task, invocation) => repairOnce(parts, task, invocation),
    async check(batch) {
      // Checked for every batch, because the host name in the URL may resolve to another address by now.
      await assertUrlIsSafe(url);
      const due = checks();
      await due.checkReused();
      try {
        return await due.check(batch);
      } finally {
        await due.idle();
      }
    },
    readOthers: (question) => database.runIdempotent(ANSWER_MS, (sql) => readOthers(sql, question)),
    async close() {
      await Promise.all([hosts.close(), checks.close()]);
      await database.endIdle();
    },
  };
}

/** Opens the due checks with the first batch of checks, because most environments never receive a batch. */
function openChecksOnce({
  environment,
  clock,
  logger,
  random,
  database,
  metrics,
}: Pick<Parts, "logger" | "random" | "metrics"> &
  Pick<SharedByRepairs, "clock" | "database"> & {
    readonly environment: DueChecksOptions["environment"];
  }): (() => DueChecks) & { close(): Promise<void> } {
  let opened: DueChecks | undefined;
  const ask: Ask = (statements, { isIdempotent = false, limitMs = ANSWER_MS } = {}) =>
    isIdempotent ? database.runIdempotent(limitMs, statements) : database.run(limitMs, statements);
  const open = (): DueChecks => {
    opened ??= openDueChecks({
      environment,
      ask,
      clock,
      logger,
      random,
      signal: new AbortController().signal,
      onMetrics: (values) => metrics.print(values),
    });
    return opened;
  };
  return Object.assign(open, {
    close: async () => {
      await opened?.close();
    },
  });
}

function openMetrics(namespace: string, onMetrics: RepairEnvironmentOptions["onMetrics"]): MetricsPrinter {
  const printed = createMetrics({ namespace, service: "repair" });
  return {
    print(values, dimensions = {}) {
      printed.print(values, dimensions);
      onMetrics?.(values, dimensions);
    },
  };
}

/**
 * Scores make repairs faster, but a repair does not need them: a failure is logged and counted, and the repair
 * continues.
 */
function triesScores(logger: Logger, metrics: MetricsPrinter): SharedByRepairs["tryScores"] {
  return async (what, work) => {
    try {
      await work();
    } catch (error) {
      logger.warn({ error }, what);
      metrics.print({ HostScoresFailed: 1 });
    }
  };
}

/** The parts of an environment. */
interface Parts extends Pick<RepairDependencies, "kernel" | "memory" | "random" | "logger"> {
  readonly step: ((name: RepairStep) => void | Promise<void>) | undefined;
  readonly url: string;
  readonly metrics: MetricsPrinter;
  readonly shared: SharedByRepairs;
  readonly mostHastings: bigint | undefined;
  /** Repairs in progress. */
  underWay: number;
}

/** {@link RepairEnvironment.repair}: adds the checks, logs and metrics around a repair. */
async function repairOnce(
  parts: Parts,
  task: LeasedSlab,
  { id, remainingMs, onStep }: Parameters<RepairEnvironment["repair"]>[1],
): Promise<RepairResult> {
  const { logger, metrics, kernel, memory, random, mostHastings } = parts;
  const { clock, hosts, database, settings, tryScores } = parts.shared;
  const startedAtMs = clock.now();
  // Checked for every repair, because the host name in the URL may resolve to another address by now.
  await assertUrlIsSafe(parts.url);
  await hosts.checkReused();
  const store = createRepairStore(parts.shared);
  const step = async (name: RepairStep): Promise<void> => {
    onStep?.(name);
    await parts.step?.(name);
  };
  parts.underWay += 1;
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
        settings: { ...settings, mostHastings },
        step,
      },
      remainingMs - (clock.now() - startedAtMs),
    );
    logger.info({ slab: String(task.slabId), ...loggable(result) }, "a repair ended");
    metrics.print({ Repairs: 1 }, { outcome: result.kind });
    metrics.print({ ...repairMetrics(result), MessagesFailed: 0 });
    return result;
  } finally {
    parts.underWay -= 1;
    // The environment may be frozen as soon as the last repair has returned.
    if (parts.underWay === 0) await hosts.idle();
    await tryScores("the measurements of hosts could not be reported", () => store.reportScores());
    if (parts.underWay === 0) await database.endIdle();
  }
}

/**
 * Renames the field `error`, which is a text, to `why`: from a field `error` that is not an Error, the logger would
 * print only the type. The text is our own and safe to print.
 */
function loggable(result: RepairResult): Record<string, unknown> {
  if (result.kind === "stale") return result;
  const { error, ...rest } = result;
  return { ...rest, why: error };
}
