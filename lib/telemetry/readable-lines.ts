/** Formats the JSON log lines as text for people at a terminal. Pure. */
import { styleText } from "node:util";

/** Fields not printed as `name=value`: they are shown elsewhere in the line, or are useful only to programs. */
const UNSAID: ReadonlySet<string> = new Set([
  "level",
  "time",
  "message",
  "indexer",
  "error",
  "remedy",
  "hastings",
  "phasesMs",
]);
/**
 * Longer values are cut, and values of 64 hex digits (such as roots) are cut to KEY_CHARACTERS. The JSON line has the
 * full values.
 */
const MOST_CHARACTERS = 64;
const KEY_CHARACTERS = 16;
const MAX_CAUSES = 5;
const INDENT = " ".repeat(26);
const COLOURS: Readonly<Record<string, Parameters<typeof styleText>[0]>> = {
  warn: "yellow",
  error: "red",
  fatal: "red",
};

/**
 * Returns a line such as `2026-11-30 09:41:02 WARN  not repaired  slab=12 outcome=underfunded`, then indented lines for
 * an error, its causes and the remedies.
 * @param line one line of the logger, with its line break
 * @returns lines with line breaks; if `line` is not from the logger, its text without control characters
 */
export function toReadableLines(line: string, { colours }: { readonly colours: boolean }): string {
  const entry = parse(line);
  if (entry === undefined) return `${printable(line)}\n`;
  const { level, time, message, error, remedy } = entry;
  const label = String(level).toUpperCase().padEnd(5);
  const colour = colours ? COLOURS[String(level)] : undefined;
  const fields = describeFields(entry);
  const head = [
    `${localTime(String(time))} ${colour === undefined ? label : styleText(colour, label, { validateStream: false })} ${printable(String(message ?? ""))}`,
    ...(fields.length === 0 ? [] : [fields.join(" ")]),
  ].join("  ");
  const below = [...describeError(error), ...(typeof remedy === "string" ? [remedy] : [])];
  return [head, ...below.map((text) => `${INDENT}${printable(text)}`), ""].join("\n");
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** The time in this machine's time zone, in the Swedish format, which puts the year first. */
function localTime(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? printable(time) : date.toLocaleString("sv-SE");
}

/**
 * Formats fields as `name=value`, including fields nested up to two levels deep, as in reports and meters. Empty, zero
 * and false values are omitted.
 */
function describeFields(entry: object, depth = 0): string[] {
  return Object.entries(entry).flatMap(([name, value]: [string, unknown]) => {
    if (UNSAID.has(name) || !value || value === "0") return [];
    if (Array.isArray(value)) return value.length === 0 ? [] : [`${name}=${describeList(value)}`];
    if (typeof value === "object") return depth < 2 ? describeFields(value, depth + 1) : [];
    return [`${printable(name)}=${describeValue(value)}`];
  });
}

function describeList(values: readonly unknown[]): string {
  if (values.some((value) => typeof value === "object")) return String(values.length);
  return describeValue(values.join(","));
}

function describeValue(value: unknown): string {
  const text = String(value);
  if (/^[0-9a-f]{64}$/.test(text)) return `${text.slice(0, KEY_CHARACTERS)}…`;
  const short = text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
  return /[\s"=]/.test(short) ? JSON.stringify(printable(short)) : printable(short);
}

/** One line for the error and one for its remedy, then the same for each of its causes. */
function describeError(error: unknown, depth = 0): string[] {
  if (typeof error !== "object" || error === null || depth > MAX_CAUSES) return [];
  const { name, code, message, remedy, cause } = error as Readonly<Record<string, unknown>>;
  const title = code === undefined ? String(name) : `${String(name)} (${String(code)})`;
  return [
    `${depth === 0 ? "" : "caused by "}${title}${message === undefined ? "" : `: ${String(message)}`}`,
    ...(typeof remedy === "string" ? [remedy] : []),
    ...describeError(cause, depth + 1),
  ];
}

/** Messages contain texts from hosts and servers. These texts must not move the cursor or break the line. */
function printable(text: string): string {
  return text.trim().replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ");
}
