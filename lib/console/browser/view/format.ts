/** Formats numbers, sizes, times and coins for people. In English, like the rest of the console. */

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });
const upToThree = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 3 });

/** `333,333`. */
export const count = (value: number): string => whole.format(value);

/** `333k`, for little space. */
export const compact = (value: number): string =>
  Math.abs(value) < 1_000 ? whole.format(value) : short.format(value);

/** `2.5`, `1,230`: for an axis. */
export const figure = (value: number): string =>
  value >= 1_000 ? whole.format(value) : upToThree.format(value);

/** `1 slab`, `12 slabs`. */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

/** Decimal units, as on the command line. */
export function bytes(value: number): string {
  const step = value < 1 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(value) / 3));
  return `${upToThree.format(value / 1000 ** step)} ${BYTE_UNITS[step]}`;
}

/** Siacoins from a decimal string or a number: `0.0063 SC`. */
export function siacoins(value: number | string): string {
  const amount = Number(value);
  if (amount === 0) return "0 SC";
  return `${Math.abs(amount) < 0.001 ? "< 0.001" : amount >= 1000 ? whole.format(amount) : upToThree.format(amount)} SC`;
}

/** 10^24 hastings are one siacoin. Exact enough for a chart, not for accounting. */
export const siacoinsOfHastings = (hastings: string): number => Number(hastings) / 1e24;

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
] as const;

/** The two largest units: `2 h 5 min`, `12 s`. */
export function duration(seconds: number): string {
  const rest = Math.max(0, Math.round(seconds));
  const first = UNITS.findIndex(([, size]) => rest >= size);
  if (first === -1) return "0 s";
  const [unit, size] = UNITS[first]!;
  const amount = Math.floor(rest / size);
  const next = UNITS[first + 1];
  // From ten of the larger unit on, the smaller unit is left out.
  if (next === undefined || amount >= 10) return `${amount} ${unit}`;
  const smaller = Math.floor((rest - amount * size) / next[1]);
  return smaller === 0 ? `${amount} ${unit}` : `${amount} ${unit} ${smaller} ${next[0]}`;
}

/** Seconds from `time` (ISO 8601) until `nowMs`; 0 for a future time, which occurs after a clock was set back. */
export const secondsSince = (time: string, nowMs: number): number =>
  Math.max(0, (nowMs - Date.parse(time)) / 1000);

/** `12 s ago`, `just now`. */
export function ago(time: string, nowMs: number): string {
  const seconds = secondsSince(time, nowMs);
  return seconds < 2 ? "just now" : `${duration(seconds)} ago`;
}

/** `in 5 min`, `now`. */
export function until(time: string, nowMs: number): string {
  const seconds = (Date.parse(time) - nowMs) / 1000;
  return seconds <= 1 ? "now" : `in ${duration(seconds)}`;
}

/** `14:03`, or `28 Nov 14:03` on another day, in `timeZone` or, by default, in the reader's. */
export function clockTime(time: string, nowMs: number, timeZone?: string): string {
  const zone = timeZone === undefined ? {} : { timeZone };
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", ...zone });
  const minute = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", ...zone });
  const at = new Date(time);
  return day.format(at) === day.format(nowMs) ? minute.format(at) : `${day.format(at)} ${minute.format(at)}`;
}

/** `ed25519:ab12cd…89ef`, short enough for a column. */
export function shortKey(key: string): string {
  const [prefix, hex] = key.includes(":") ? (key.split(":", 2) as [string, string]) : ["", key];
  return hex.length <= 14 ? key : `${prefix === "" ? "" : `${prefix}:`}${hex.slice(0, 6)}…${hex.slice(-4)}`;
}

/** A probability as `1 in 5,200`; from 5 % on, as a percentage. */
export function probability(value: number): string {
  if (value <= 0) return "almost none";
  if (value >= 0.05) return `${upToThree.format(value * 100)} %`;
  const one = 1 / value;
  return one > 1e9 ? "below 1 in a billion" : `1 in ${count(Number(one.toPrecision(2)))}`;
}
