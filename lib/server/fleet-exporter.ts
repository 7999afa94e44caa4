/**
 * Measures the whole fleet for Prometheus: reads the database once for all workers, instead of counting in each worker.
 */
import type { Sql } from "postgres";
import type { Clock } from "../clock/clock.ts";
import { askWithin, createDeadlineClient } from "../database/client/deadline-client.ts";
import { readFleetGauges } from "../database/reports/read-fleet-gauges.ts";
import { fleetMetrics } from "../telemetry/fleet-metrics.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { MetricName } from "../telemetry/metric-names.ts";
import type { PrometheusMetrics } from "../telemetry/prometheus-metrics.ts";
import { RepeatedLines } from "../telemetry/repeated-lines.ts";

export interface FleetExporterOptions {
  readonly connect: () => Sql;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly prometheus: PrometheusMetrics;
  /** Whether this server makes due checks. */
  readonly dueChecks: boolean;
}

/** A common scrape interval of Prometheus. */
const EVERY_MS = 15_000;
const LIMIT_MS = 8_000;

/** Reads at once and then every 15 s; continues after failures. */
export function startFleetExporter(options: FleetExporterOptions): { stop(): Promise<void> } {
  const { connect, clock, logger, prometheus, dueChecks } = options;
  // The exporter has its own connection: if a read had to wait behind a slow statement of claim, the database would
  // look unreachable.
  const database = createDeadlineClient({ clock, connect });
  const ask = askWithin(database, clock);
  const lines = new RepeatedLines(clock);
  let known: readonly MetricName[] = [];
  let isStopped = false;
  let cancel = (): void => {};
  const measure = async (): Promise<void> => {
    try {
      const values = fleetMetrics(
        await ask((sql) => readFleetGauges(sql, { dueChecks }), { limitMs: LIMIT_MS }),
      );
      prometheus.of("reap").print(values);
      const names = Object.keys(values) as MetricName[];
      prometheus.forget(names.filter((name) => values[name] === undefined));
      known = names;
      prometheus.setDatabaseUp(true);
    } catch (error) {
      prometheus.setDatabaseUp(false);
      prometheus.forget(known);
      const text = "the state of the fleet could not be measured";
      const said = lines.note(text, error);
      if (said !== undefined && !isStopped) logger.warn({ error, ...said }, text);
    }
    if (!isStopped) cancel = clock.after(EVERY_MS, () => void next());
  };
  let measuring = Promise.resolve();
  const next = (): void => {
    measuring = measure();
  };
  next();
  return {
    async stop() {
      isStopped = true;
      cancel();
      await database.end();
      await measuring;
    },
  };
}
