import type { Logger } from "./logger.ts";
import type { MetricValues } from "./metric-names.ts";
import type { MetricsPrinter } from "./metrics.ts";
import { COMPLETED_RUN, failedRun } from "./run-metrics.ts";

export interface RunMeasures<Report> {
  of(report: Report): MetricValues;
  /** The metrics of a run that failed half-way, if its error contains the run's report. */
  ofFailure?(error: unknown): MetricValues;
}

/**
 * Runs claim or reap once, and records the result in the log and the metrics. A failure is recorded and rethrown.
 * @param name "claim" or "reap", for the log
 */
export async function measureRun<Report extends object>(
  name: string,
  { logger, metrics }: { readonly logger: Logger; readonly metrics: MetricsPrinter },
  measures: RunMeasures<Report>,
  run: () => Promise<Report>,
): Promise<Report> {
  try {
    const report = await run();
    logger.info({ report }, `${name} ended`);
    metrics.print({ ...COMPLETED_RUN, ...measures.of(report) });
    return report;
  } catch (error) {
    logger.error({ error }, `${name} failed`);
    metrics.print({ ...failedRun(error), ...measures.ofFailure?.(error) });
    throw error;
  }
}
