import type { Sql } from "postgres";
import type { Clock } from "../clock/clock.ts";
import { assertUrlIsSafe } from "../config/database-url.ts";
import type { Environment } from "../config/parse-environment.ts";
import type { WorkVariable } from "../config/work-variables.ts";
import { connect } from "../database/client/connect.ts";
import { claimSettingsFrom } from "../jobs/claim/claim-settings-from-environment.ts";
import { DEFAULT_REAP_SETTINGS } from "../jobs/reap/reap-settings.ts";
import { IndexerControl } from "../lifecycle/indexer-control.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { MetricsPrinter } from "../telemetry/metrics.ts";
import type { PrometheusMetrics } from "../telemetry/prometheus-metrics.ts";
import { IndexerLoop } from "../worker/indexer-loop.ts";
import { openArchive } from "../worker/open-archive.ts";
import { startFleetExporter } from "./fleet-exporter.ts";

/** The parsed settings of one indexer. */
export interface ServedIndexer {
  readonly name: string;
  readonly environment: Pick<Environment, WorkVariable | "SLABMEND_DATABASE_URL">;
  /** All environment variables of the indexer's workers, including the seed. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly metrics: MetricsPrinter;
}

export interface ControlOptions {
  readonly prometheus: PrometheusMetrics;
  /** Maximum number of simultaneous repairs of all indexers together. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** The file that a worker's process runs. Default: the real worker; tests pass their own. */
  readonly workerEntry?: string;
}

/**
 * Creates the control of one indexer, which starts and ends everything that runs for this indexer. The control makes no
 * connection before it is started.
 */
export function createControl(
  { name, environment, variables, logger, metrics }: ServedIndexer,
  { prometheus, concurrency, timeoutMs, clock, workerEntry }: ControlOptions,
): IndexerControl {
  const url = environment.SLABMEND_DATABASE_URL.reveal();
  const acceptedVersion = environment.SLABMEND_ACCEPT_INDEXD_VERSION;
  const dueChecks = environment.SLABMEND_VERIFY === "due";
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
    startExporter: () => startFleetExporter({ connect: connectAgain, clock, logger, prometheus, dueChecks }),
    openUnits: async () =>
      new IndexerLoop({
        indexer: name,
        connect: connectAgain,
        workerEnvironment: variables,
        concurrency,
        timeoutMs,
        ...(workerEntry === undefined ? {} : { workerEntry }),
        acceptedVersion,
        claim: claimSettingsFrom(environment),
        reap: { ...DEFAULT_REAP_SETTINGS, acceptedVersion },
        archive: await openArchive({ destination: environment.SLABMEND_ARCHIVE, variables, clock, logger }),
        maintenance: environment,
        dueChecks: dueChecks ? environment : undefined,
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
