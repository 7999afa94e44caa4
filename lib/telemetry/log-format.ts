/** Chooses whether a process logs JSON lines for programs or text for people, and where to. */
import type { DestinationStream } from "pino";
import { toReadableLines } from "./readable-lines.ts";

export type LogFormat = "json" | "lines";

/** Also set for child processes, so that they use their parent's format. */
export const LOG_FORMAT_VARIABLE = "SLABMEND_LOG_FORMAT";

/** Text if standard output is a terminal, else JSON. The variable overrides this, and --json overrides both. */
export function chooseLogFormat({
  asked,
  json,
  isTerminal,
}: {
  /** The variable's value: json or lines; others are ignored. */
  readonly asked: string | undefined;
  readonly json: boolean;
  readonly isTerminal: boolean;
}): LogFormat {
  if (json) return "json";
  if (asked === "json" || asked === "lines") return asked;
  return isTerminal ? "lines" : "json";
}

/** The destination for createLogger. Colours only at a terminal, and never with NO_COLOR. */
export function logDestination(
  format: LogFormat,
  output: { readonly isTTY?: boolean; write(text: string): unknown },
  variables: Readonly<Record<string, string | undefined>>,
): DestinationStream {
  if (format === "json") return { write: (line) => void output.write(line) };
  const colours = output.isTTY === true && !variables["NO_COLOR"];
  return { write: (line) => void output.write(toReadableLines(line, { colours })) };
}

/** A child process's destination, as its parent chose. Undefined: JSON, the logger's default. */
export function inheritedLogDestination(): DestinationStream | undefined {
  return process.env[LOG_FORMAT_VARIABLE] === "lines"
    ? logDestination("lines", process.stdout, process.env)
    : undefined;
}
