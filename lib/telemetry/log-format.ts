/** Chooses whether a process logs JSON lines for programs or text for people, and where it writes its log. */
import type { DestinationStream } from "pino";
import { toReadableLines } from "./readable-lines.ts";

export type LogFormat = "json" | "lines";

/** A parent process also sets this variable for its child processes, so that they use the same format. */
export const LOG_FORMAT_VARIABLE = "SLABMEND_LOG_FORMAT";

/** Text if standard output is a terminal, else JSON. SLABMEND_LOG_FORMAT overrides this, and --json overrides both. */
export function chooseLogFormat({
  asked,
  json,
  isTerminal,
}: {
  /** The value of SLABMEND_LOG_FORMAT: json or lines; other values are ignored. */
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

/** The destination for the format that the parent process chose. Undefined: JSON, the logger's default. */
export function inheritedLogDestination(): DestinationStream | undefined {
  return process.env[LOG_FORMAT_VARIABLE] === "lines"
    ? logDestination("lines", process.stdout, process.env)
    : undefined;
}
