/**
 * `serve`: repairs on this machine, and a server that one can look at.
 *
 *   this process        supervises; for each indexer it claims and reaps; holds the migration seeds, for the workers
 *   ├─ worker 1 … n     of one indexer each: repair; hold its seed
 *   └─ http             serves; never has a seed, and may read no file but its code
 */
import { userInfo } from "node:os";
import type { Sql } from "postgres";
import type { Clock } from "../clock/clock.ts";
import { assertUrlIsSafe } from "../config/database-url.ts";
import type { ConfiguredIndexer } from "../config/indexer-files.ts";
import type { Environment } from "../config/parse-environment.ts";
import type { WorkVariable } from "../config/work-variables.ts";
import { connect } from "../database/client/connect.ts";
import { claimSettingsFrom } from "../jobs/claim/claim-settings-from-environment.ts";
import { DEFAULT_REAP_SETTINGS } from "../jobs/reap/reap-settings.ts";
import { IndexerControl } from "../lifecycle/indexer-control.ts";
import { IndexerSupervisor, type IndexerSupervisorOptions } from "../lifecycle/indexer-supervisor.ts";
import type { Secret } from "../secret/secret.ts";
import type { Logger } from "../telemetry/logger.ts";
import { mergeScrapes } from "../telemetry/merge-scrapes.ts";
import type { MetricsPrinter } from "../telemetry/metrics.ts";
import { createPrometheusMetrics, type PrometheusMetrics } from "../telemetry/prometheus-metrics.ts";
import { IndexerLoop } from "../worker/indexer-loop.ts";
import { openArchive } from "../worker/open-archive.ts";
import type { WorkReport } from "../worker/work-report.ts";
import { KILL_AFTER_MS } from "../worker/worker-slot.ts";
import { formatAddress, type ListenAddress } from "./access/listen-address.ts";
import type { ConsoleFile } from "./console-files.ts";
import { startFleetExporter } from "./fleet-exporter.ts";
import { HttpChild } from "./http-child.ts";
import type { HttpIndexer } from "./http-messages.ts";

/** One indexer, parsed. */
export interface ServedIndexer {
  readonly name: string;
  readonly environment: Pick<Environment, WorkVariable | "SLABMEND_DATABASE_URL">;
  /** All of its environment as text, the seed included, for its workers. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly metrics: MetricsPrinter;
}

export interface ServeOptions {
  /** Of the process: the HTTP process gets what http-environment.ts lists of it. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly readConfiguration: IndexerSupervisorOptions["readConfiguration"];
  /** @throws {ConfigurationError} */
  readonly parseIndexer: (indexer: ConfiguredIndexer) => ServedIndexer;
  readonly listen: ListenAddress;
  /** Further names of the server, in lower case. */
  readonly hostNames: readonly string[];
  readonly token: Secret<string>;
  /** Null only on loopback. */
  readonly passwordHash: Secret<string> | null;
  readonly files: ReadonlyMap<string, ConsoleFile>;
  readonly policy: Readonly<Record<string, readonly string[]>>;
  /** Repairs at once, of all indexers together. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface RunningServe {
  /** `http://127.0.0.1:8484` */
  readonly url: string;
  readonly httpPid: () => number;
  /** How long {@link drain} takes at most, as far as it depends on repairs. */
  readonly drainMs: number;
  /** Claims nothing more, finishes the repairs in hand, answers until then, and leaves no process. */
  drain(): Promise<WorkReport>;
}

/** @throws {OperatorError} `address-unusable`, before anything is leased */
export async function startServe(options: ServeOptions): Promise<RunningServe> {
  const { variables, listen, token, passwordHash, concurrency, clock, logger } = options;
  const metrics = new Map<string, PrometheusMetrics>();
  const served = new Map<string, HttpIndexer>();
  /** Another array when it has changed. */
  let told: readonly HttpIndexer[] = [];
  const supervisor = new IndexerSupervisor({
    readConfiguration: options.readConfiguration,
    createControl(configured) {
      const indexer = options.parseIndexer(configured);
      const prometheus = createPrometheusMetrics(indexer.name);
      metrics.set(indexer.name, prometheus);
      served.set(indexer.name, httpIndexerOf(indexer));
      return createControl(indexer, prometheus, options);
    },
    onChange(indexers) {
      const names = new Set(indexers.map(({ name }) => name));
      for (const name of metrics.keys()) if (!names.has(name)) metrics.delete(name);
      for (const name of served.keys()) if (!names.has(name)) served.delete(name);
      told = [...served.values()];
    },
    total: concurrency,
    clock,
    logger,
  });
  const startedAtMs = clock.now();
  const http = new HttpChild({
    settings: {
      listen: { host: listen.host, port: listen.port },
      hosts: { isLoopback: listen.isLoopback, names: options.hostNames },
      token: token.reveal(),
      passwordHash: passwordHash?.reveal() ?? null,
      owner: `${userInfo().username}, by the console or the API`,
      files: options.files,
      policy: options.policy,
    },
    variables,
    clock,
    logger,
    indexers: () => told,
    scrape: async () =>
      mergeScrapes(await Promise.all([...metrics.values()].map((prometheus) => prometheus.scrape()))),
    describe: (child) => ({ pid: process.pid, startedAtMs, ...child, indexers: supervisor.views() }),
  });
  const port = await http.start();
  supervisor.start();
  http.refresh();
  return {
    url: `http://${formatAddress({ host: listen.host, port })}`,
    httpPid: () => http.pid,
    drainMs: options.timeoutMs + KILL_AFTER_MS,
    async drain() {
      const report = await supervisor.drain();
      await http.stop();
      return report;
    },
  };
}

function createControl(
  { name, environment, variables, logger, metrics }: ServedIndexer,
  prometheus: PrometheusMetrics,
  { concurrency, timeoutMs, clock }: ServeOptions,
): IndexerControl {
  const url = environment.SLABMEND_DATABASE_URL.reveal();
  const acceptedVersion = environment.SLABMEND_ACCEPT_INDEXD_VERSION;
  const connectAgain = (): Sql => connect(url, "slabmend-serve", environment.SLABMEND_DATABASE_CA);
  return new IndexerControl({
    name,
    connect: connectAgain,
    assertSafe: () => assertUrlIsSafe(url),
    acceptedVersion,
    share: environment.SLABMEND_SHARE,
    total: concurrency,
    timeoutMs,
    clock,
    logger,
    startExporter: () => startFleetExporter({ connect: connectAgain, clock, logger, prometheus }),
    openUnits: async () =>
      new IndexerLoop({
        indexer: name,
        connect: connectAgain,
        workerEnvironment: variables,
        concurrency,
        timeoutMs,
        acceptedVersion,
        claim: claimSettingsFrom(environment),
        reap: { ...DEFAULT_REAP_SETTINGS, acceptedVersion },
        archive: await openArchive({ destination: environment.SLABMEND_ARCHIVE, variables, clock, logger }),
        maintenance: environment,
        clock,
        logger,
        metricsOf: (service) => ({
          print(values, dimensions) {
            metrics.print(values, dimensions);
            prometheus.of(service).print(values, dimensions);
          },
        }),
      }),
  });
}

function httpIndexerOf({ name, environment, variables }: ServedIndexer): HttpIndexer {
  return {
    name,
    databaseUrl: environment.SLABMEND_DATABASE_URL.reveal(),
    authorities: environment.SLABMEND_DATABASE_CA,
    acceptedVersion: environment.SLABMEND_ACCEPT_INDEXD_VERSION,
    queueUrl: variables["SLABMEND_QUEUE_URL"] || undefined,
  };
}
