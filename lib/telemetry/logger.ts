import { type DestinationStream, type Logger, pino } from "pino";
import { SlabmendError } from "../errors/slabmend-error.ts";

export type { Logger } from "pino";

/** Maximum depth of a chain of causes; deeper chains are bugs. */
const MAX_CAUSES = 5;

/**
 * The parts of an error that may be logged. Of a library's error, only name, code, message, stack and cause are logged:
 * its other fields may contain a query with parameters, a URL with a password or the bytes of a message.
 */
function describeError(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const code: unknown = "code" in error ? error.code : undefined;
  const description: Record<string, unknown> = { name: error.name, message: error.message };
  if (typeof code === "string" || typeof code === "number") description["code"] = code;
  if (error instanceof SlabmendError) {
    description["remedy"] = error.remedy;
    description["details"] = error.details;
  } else if (depth === 0 && error.stack !== undefined) {
    description["stack"] = error.stack;
  }
  if (error.cause !== undefined && depth < MAX_CAUSES) {
    description["cause"] = describeError(error.cause, depth + 1);
  }
  return description;
}

/**
 * Logs JSON lines to standard output, which Lambda turns into log events.
 * @param options.indexer name of the indexer, added to each line; undefined: the lines are about several indexers
 */
export function createLogger(
  level: string,
  {
    indexer,
    destination,
  }: { readonly indexer?: string | undefined; readonly destination?: DestinationStream | undefined },
): Logger {
  const options = {
    level,
    base: indexer === undefined ? {} : { indexer },
    messageKey: "message",
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: {
      error: (error: unknown) => describeError(error),
      err: (error: unknown) => describeError(error),
    },
    // A second line of defence: our code does not log these fields anyway.
    redact: {
      paths: ["*.encryptionKey", "*.seed", "*.token", "*.password", "token", "seed"],
      censor: "(secret)",
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
