/** The log of a long-running command, and its metrics for CloudWatch if the log is JSON. */
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
  /** The command's variables for its child processes, which make the children log in the same format. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

export function logFormatOf({ io, json, variables }: CommandContext): LogFormat {
  return chooseLogFormat({
    asked: variables[LOG_FORMAT_VARIABLE],
    json,
    isTerminal: io.stdout.isTTY === true,
  });
}

/** Without SLABMEND_INDEXER the lines name no indexer. */
export type LogVariables = Pick<Environment, "SLABMEND_LOG_LEVEL" | "SLABMEND_METRICS_NAMESPACE"> &
  Partial<Pick<Environment, "SLABMEND_INDEXER">>;

/** @param service value of the dimension `service` of all metrics */
export function openLog(context: CommandContext, environment: LogVariables, service: string): CommandLog {
  const { io, variables } = context;
  const format = logFormatOf(context);
  // Metrics are JSON lines for CloudWatch; people do not need them.
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
