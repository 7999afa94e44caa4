/** What a command that works says while it works: the log, and metrics for CloudWatch where its lines are JSON. */
import type { Environment } from "../../config/parse-environment.ts";
import {
  chooseLogFormat,
  LOG_FORMAT_VARIABLE,
  type LogFormat,
  logDestination,
} from "../../telemetry/log-format.ts";
import { createLogger, type Logger } from "../../telemetry/logger.ts";
import { createMetrics, type MetricsPrinter } from "../../telemetry/metrics.ts";
import type { CommandContext } from "./command-context.ts";

export interface CommandLog {
  readonly format: LogFormat;
  readonly logger: Logger;
  readonly metrics: MetricsPrinter;
  /** The command's variables for its child processes, with which they print as it does. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

export function logFormatOf({ io, json, variables }: CommandContext): LogFormat {
  return chooseLogFormat({
    asked: variables[LOG_FORMAT_VARIABLE],
    json,
    isTerminal: io.stdout.isTTY === true,
  });
}

/** Without the name of an indexer the lines are about none of several. */
export type LogVariables = Pick<Environment, "SLABMEND_LOG_LEVEL" | "SLABMEND_METRICS_NAMESPACE"> &
  Partial<Pick<Environment, "SLABMEND_INDEXER">>;

/** @param service who says the metrics */
export function openLog(context: CommandContext, environment: LogVariables, service: string): CommandLog {
  const { io, variables } = context;
  const format = logFormatOf(context);
  // Metrics are lines of JSON for CloudWatch: people have no use for them.
  const namespace = format === "json" ? environment.SLABMEND_METRICS_NAMESPACE : "";
  return {
    format,
    logger: createLogger(environment.SLABMEND_LOG_LEVEL, {
      indexer: environment.SLABMEND_INDEXER,
      destination: logDestination(format, io.stdout, variables),
    }),
    metrics: createMetrics({ namespace, service, write: (line) => void io.stdout.write(line) }),
    variables: {
      ...variables,
      SLABMEND_DATABASE_URL: context.databaseUrl?.reveal(),
      SLABMEND_METRICS_NAMESPACE: namespace,
      [LOG_FORMAT_VARIABLE]: format,
    },
  };
}
