/**
 * `serve`: repairs on this machine, with a web console and an API.
 *
 *   this process        supervises; for each indexer it claims and reaps; holds the migration seeds, for the workers
 *   ├─ worker 1 … n     each repairs for one indexer and holds its seed
 *   └─ http             serves; never has a seed, and may read only its own code
 */
import { userInfo } from "node:os";
import type { Clock } from "../clock/clock.ts";
import type { ConfiguredIndexer } from "../config/indexer-files.ts";
import { IndexerSupervisor, type IndexerSupervisorOptions } from "../lifecycle/indexer-supervisor.ts";
import type { Secret } from "../secret/secret.ts";
import type { Logger } from "../telemetry/logger.ts";
import { mergeScrapes } from "../telemetry/merge-scrapes.ts";
import { createPrometheusMetrics, type PrometheusMetrics } from "../telemetry/prometheus-metrics.ts";
import { mostDrainMs } from "../worker/indexer-loop.ts";
import type { WorkReport } from "../worker/work-report.ts";
import { formatAddress, type ListenAddress } from "./access/listen-address.ts";
import type { ConsoleFile } from "./console-files.ts";
import { createControl, type ServedIndexer } from "./create-control.ts";
import { HttpChild } from "./http-child.ts";
import type { HttpIndexer } from "./http-messages.ts";

export interface ServeOptions {
  /** The process's environment; the HTTP process gets the part that http-environment.ts lists. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly readConfiguration: IndexerSupervisorOptions["readConfiguration"];
  /** @throws {ConfigurationError} */
  readonly parseIndexer: (indexer: ConfiguredIndexer) => ServedIndexer;
  readonly listen: ListenAddress;
  /** The names of `--allow-host`, in lower case: names of this server in addition to its own address. */
  readonly hostNames: readonly string[];
  readonly token: Secret<string>;
  /** Null only on loopback. */
  readonly passwordHash: Secret<string> | null;
  readonly files: ReadonlyMap<string, ConsoleFile>;
  readonly policy: Readonly<Record<string, readonly string[]>>;
  /** Maximum number of simultaneous repairs of all indexers together. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface RunningServe {
  /** `http://127.0.0.1:8484` */
  readonly url: string;
  readonly httpPid: () => number;
  /** The maximum duration of {@link drain}. */
  readonly drainMs: number;
  /** Stops claiming and waits for the running repairs, still answering requests; then ends all processes. */
  drain(): Promise<WorkReport>;
}

/** @throws {OperatorError} `address-unusable`, before anything is leased */
export async function startServe(options: ServeOptions): Promise<RunningServe> {
  const { variables, listen, token, passwordHash, concurrency, clock, logger } = options;
  const metrics = new Map<string, PrometheusMetrics>();
  const served = new Map<string, HttpIndexer>();
  /** The indexers that the HTTP process gets. Each change makes a new array: HttpChild sends only new arrays. */
  let told: readonly HttpIndexer[] = [];
  const supervisor = new IndexerSupervisor({
    readConfiguration: options.readConfiguration,
    createControl(configured) {
      const indexer = options.parseIndexer(configured);
      const prometheus = createPrometheusMetrics(indexer.name);
      metrics.set(indexer.name, prometheus);
      served.set(indexer.name, httpIndexerOf(indexer));
      return createControl(indexer, { prometheus, concurrency, timeoutMs: options.timeoutMs, clock });
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
    drainMs: mostDrainMs(options.timeoutMs),
    async drain() {
      const report = await supervisor.drain();
      await http.stop();
      return report;
    },
  };
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
