import type { WriteStream } from "node:tty";

/** The demo's output while it runs. */
export interface Progress {
  /** Prints a permanent line. */
  line(text: string): void;
  /**
   * Shows the current state. On a terminal the lines replace those of the previous call; elsewhere only the first line
   * is printed, at most every few seconds. Each line of an array must fit the terminal's width (colour codes do not
   * count); a string is cut to the width.
   */
  status(lines: string | readonly string[]): void;
  /** Removes the status. */
  clear(): void;
}

/** Shortest time between two status lines if the output is not a terminal. */
const PLAIN_STATUS_EVERY_MS = 5_000;
const ERASE_LINE = "\r\u001b[2K";
const ERASE_LINE_AND_UP = "\u001b[2K\u001b[1A";

export function createProgress(
  out: Pick<WriteStream, "write"> & { readonly isTTY?: boolean; readonly columns?: number },
  now: () => number = Date.now,
): Progress {
  if (out.isTTY !== true) {
    let nextAtMs = 0;
    return {
      line: (text) => void out.write(`${text}\n`),
      status(lines) {
        if (now() < nextAtMs) return;
        nextAtMs = now() + PLAIN_STATUS_EVERY_MS;
        out.write(`${typeof lines === "string" ? lines : lines[0]}\n`);
      },
      clear: () => {
        nextAtMs = 0;
      },
    };
  }
  let shown: readonly string[] = [];
  const erase = (): string => `${ERASE_LINE_AND_UP.repeat(Math.max(0, shown.length - 1))}${ERASE_LINE}`;
  return {
    line(text) {
      out.write(`${erase()}${text}\n${shown.join("\n")}`);
    },
    status(lines) {
      const next = typeof lines === "string" ? [lines.slice(0, (out.columns || 80) - 1)] : lines;
      out.write(`${erase()}${next.join("\n")}`);
      shown = next;
    },
    clear() {
      if (shown.length > 0) out.write(erase());
      shown = [];
    },
  };
}

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toPrecision(2)} ${UNITS[unit]}`;
}

const HASTINGS_PER_SC = 10n ** 24n;
/**
 * Digits after the decimal point of an amount. Six are enough, because a repair costs some thousandths of a siacoin.
 */
const SC_DIGITS = 6n;

export function formatSiacoins(hastings: bigint): string {
  const millionths = (hastings * 10n ** SC_DIGITS) / HASTINGS_PER_SC;
  const digits = String(millionths).padStart(Number(SC_DIGITS) + 1, "0");
  return `${digits.slice(0, -Number(SC_DIGITS))}.${digits.slice(-Number(SC_DIGITS))} SC`;
}

export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** "1 host", "2 hosts". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
