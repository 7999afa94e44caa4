import { Metrics } from "@aws-lambda-powertools/metrics";
import { METRICS, type MetricName, type MetricValues } from "./metric-names.ts";

/** Prints metrics in embedded metric format: CloudWatch Logs turns such lines into metrics without API calls. */
export interface MetricsPrinter {
  /**
   * Prints the known values in one line, with the function's name and the given dimensions. Prints nothing if no value
   * is known.
   */
  print(values: MetricValues, dimensions?: Readonly<Record<string, string>>): void;
}

/** Returns the printer of one function, or, on a server, of the job that does this function's work. */
export type MetricsOf = (service: "claim" | "reap" | "repair") => MetricsPrinter;

export interface MetricsOptions {
  /** Empty: nothing is printed. */
  readonly namespace: string;
  /** The function whose metrics are printed. */
  readonly service: string;
  /**
   * Writes one line, which ends with a line break. Default: writes to standard output directly, because Lambda changes
   * what is printed through `console`.
   */
  readonly write?: (line: string) => void;
}

export function createMetrics({ namespace, service, write = writeToStdout }: MetricsOptions): MetricsPrinter {
  return {
    print(values, dimensions = {}) {
      const known = (Object.entries(values) as [MetricName, number | undefined][]).filter(
        (entry): entry is [MetricName, number] => entry[1] !== undefined,
      );
      if (namespace === "" || known.length === 0) return;
      // A new object per line, so that nothing of one invocation can leak into the next.
      const line = new Metrics({ namespace, serviceName: service });
      for (const [name, value] of Object.entries(dimensions)) line.addDimension(name, value);
      for (const [name, value] of known) line.addMetric(name, METRICS[name].unit, value);
      write(`${JSON.stringify(line.serializeMetrics())}\n`);
    },
  };
}

/** On Linux a write to a pipe is synchronous, so no buffer holds data when the environment is frozen. */
function writeToStdout(line: string): void {
  process.stdout.write(line);
}
