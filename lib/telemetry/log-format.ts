/** JSON lines for programs, lines for people: which of them a process prints, and to where. */
import type { DestinationStream } from "pino";
import { toReadableLines } from "./readable-lines.ts";

export type LogFormat = "json" | "lines";

/** Set for child processes too: they print what their parent prints. */
export const LOG_FORMAT_VARIABLE = "SLABMEND_LOG_FORMAT";

/** Lines where standard output is a terminal, else JSON; the variable decides otherwise, and --json before it. */
export function chooseLogFormat({
  asked,
  json,
  isTerminal,
}: {
  /** The variable, json or lines; any other value says nothing. */
  readonly asked: string | undefined;
  readonly json: boolean;
  readonly isTerminal: boolean;
}): LogFormat {
  if (json) return "json";
  if (asked === "json" || asked === "lines") return asked;
  return isTerminal ? "lines" : "json";
}

/** For createLogger. Colours only at a terminal, and never with NO_COLOR. */
export function logDestination(
  format: LogFormat,
  output: { readonly isTTY?: boolean; write(text: string): unknown },
  variables: Readonly<Record<string, string | undefined>>,
): DestinationStream {
  if (format === "json") return { write: (line) => void output.write(line) };
  const colours = output.isTTY === true && !variables["NO_COLOR"];
  return { write: (line) => void output.write(toReadableLines(line, { colours })) };
}

/** Of a child process: what its parent chose. Undefined: JSON, the logger's default. */
export function inheritedLogDestination(): DestinationStream | undefined {
  return process.env[LOG_FORMAT_VARIABLE] === "lines"
    ? logDestination("lines", process.stdout, process.env)
    : undefined;
}
