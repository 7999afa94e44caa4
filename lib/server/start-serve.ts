/**
 * `serve`: repairs on this machine, and a server that one can look at.
 *
 *   this process        supervises; claims and reaps; holds the migration seed, for its workers
 *   ├─ worker 1 … n     repair; each holds the seed
 *   └─ http             serves; never has the seed, and may read no file but its code
 */
import { userInfo } from "node:os";
import type { Sql } from "postgres";
import type { Clock } from "../clock/clock.ts";
import type { Environment } from "../config/parse-environment.ts";
import type { WorkVariable } from "../config/work-variables.ts";
import { claimSettingsFrom } from "../jobs/claim/claim-settings-from-environment.ts";
import { DEFAULT_REAP_SETTINGS } from "../jobs/reap/reap-settings.ts";
import type { Secret } from "../secret/secret.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { MetricsOf } from "../telemetry/metrics.ts";
import { createPrometheusMetrics } from "../telemetry/prometheus-metrics.ts";
import { IndexerLoop } from "../worker/indexer-loop.ts";
import { openArchive } from "../worker/open-archive.ts";
import type { WorkReport } from "../worker/work-report.ts";
import { formatAddress, type ListenAddress } from "./access/listen-address.ts";
import type { ConsoleFile } from "./console-files.ts";
import { startFleetExporter } from "./fleet-exporter.ts";
import { HttpChild } from "./http-child.ts";

export interface ServeOptions {
  /** The environment as text: the workers get all of it, the HTTP process what http-environment.ts lists. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly environment: Pick<Environment, WorkVariable>;
  /** Makes one more client of the database. */
  readonly connect: () => Sql;
  readonly listen: ListenAddress;
  /** Further names of the server, in lower case. */
  readonly hostNames: readonly string[];
  readonly token: Secret<string>;
  /** Null only on loopback. */
  readonly passwordHash: Secret<string> | null;
  readonly files: ReadonlyMap<string, ConsoleFile>;
  readonly policy: Readonly<Record<string, readonly string[]>>;
  /** Repairs at once. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metricsOf: MetricsOf;
}

export interface RunningServe {
  /** `http://127.0.0.1:8484` */
  readonly url: string;
  readonly httpPid: () => number;
  /** How long {@link drain} takes at most. */
  readonly drainMs: number;
  /** Claims nothing more, finishes the repairs in hand, answers until then, and leaves no process. */
  drain(): Promise<WorkReport>;
}

/** @throws {OperatorError} `address-unusable`, before anything is leased */
export async function startServe(options: ServeOptions): Promise<RunningServe> {
  const { variables, environment, listen, token, passwordHash, clock, logger } = options;
  const prometheus = createPrometheusMetrics(environment.SLABMEND_INDEXER);
  const acceptedVersion = environment.SLABMEND_ACCEPT_INDEXD_VERSION;
  const archive = await openArchive({ destination: environment.SLABMEND_ARCHIVE, variables, clock, logger });
  const loop = new IndexerLoop({
    indexer: environment.SLABMEND_INDEXER,
    connect: options.connect,
    workerEnvironment: variables,
    concurrency: options.concurrency,
    timeoutMs: options.timeoutMs,
    acceptedVersion,
    claim: claimSettingsFrom(environment),
    reap: { ...DEFAULT_REAP_SETTINGS, acceptedVersion },
    archive,
    maintenance: environment,
    clock,
    logger,
    metricsOf: (service) => ({
      print(values, dimensions) {
        options.metricsOf(service).print(values, dimensions);
        prometheus.of(service).print(values, dimensions);
      },
    }),
  });
  const exporter = startFleetExporter({ connect: options.connect, clock, logger, prometheus });
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
    scrape: () => prometheus.scrape(),
    describe: (child) => ({ pid: process.pid, startedAtMs, ...child, loop: loop.health() }),
  });
  const port = await http.start();
  loop.start();
  return {
    url: `http://${formatAddress({ host: listen.host, port })}`,
    httpPid: () => http.pid,
    drainMs: loop.drainMs,
    async drain() {
      const report = await loop.drain();
      await Promise.all([http.stop(), exporter.stop()]);
      return report;
    },
  };
}
