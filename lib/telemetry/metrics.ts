import { Metrics } from "@aws-lambda-powertools/metrics";
import { METRICS, type MetricName, type MetricValues } from "./metric-names.ts";

/** Prints metrics as embedded metric format: CloudWatch Logs makes metrics of such lines, without any call of ours. */
export interface MetricsPrinter {
  /** One line, with the function's name as dimension, and those given. Nothing if no value is known. */
  print(values: MetricValues, dimensions?: Readonly<Record<string, string>>): void;
}

/** The printer of one function, or of what does its work on a server. */
export type MetricsOf = (service: "claim" | "reap" | "repair") => MetricsPrinter;

export interface MetricsOptions {
  /** Empty: nothing is printed. */
  readonly namespace: string;
  /** The function that says it. */
  readonly service: string;
  /** Takes one line, with its end. Default: standard output, past the console that Lambda wraps. */
  readonly write?: (line: string) => void;
}

export function createMetrics({ namespace, service, write = writeToStdout }: MetricsOptions): MetricsPrinter {
  return {
    print(values, dimensions = {}) {
      const known = (Object.entries(values) as [MetricName, number | undefined][]).filter(
        (entry): entry is [MetricName, number] => entry[1] !== undefined,
      );
      if (namespace === "" || known.length === 0) return;
      // One for each line: nothing of one invocation can leak into the next one's.
      const line = new Metrics({ namespace, serviceName: service });
      for (const [name, value] of Object.entries(dimensions)) line.addDimension(name, value);
      for (const [name, value] of known) line.addMetric(name, METRICS[name].unit, value);
      write(`${JSON.stringify(line.serializeMetrics())}\n`);
    },
  };
}

/** On Linux a write to a pipe is done when it returns: nothing is left in a buffer when the environment is frozen. */
function writeToStdout(line: string): void {
  process.stdout.write(line);
}
