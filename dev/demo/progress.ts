import type { WriteStream } from "node:tty";

/** What the demo shows of itself while it runs. */
export interface Progress {
  /** A line that stays. */
  line(text: string): void;
  /** Where things stand: on a terminal one line that is drawn over, elsewhere a plain line now and then. */
  status(text: string): void;
  /** The status is over. */
  clear(): void;
}

/** Without a terminal: often enough to see that it goes on, rarely enough to read. */
const PLAIN_STATUS_EVERY_MS = 5_000;
const ERASE_LINE = "\r\u001b[2K";

export function createProgress(
  out: Pick<WriteStream, "write"> & { readonly isTTY?: boolean; readonly columns?: number },
  now: () => number = Date.now,
): Progress {
  if (out.isTTY !== true) {
    let nextAtMs = 0;
    return {
      line: (text) => void out.write(`${text}\n`),
      status(text) {
        if (now() < nextAtMs) return;
        nextAtMs = now() + PLAIN_STATUS_EVERY_MS;
        out.write(`${text}\n`);
      },
      clear: () => {
        nextAtMs = 0;
      },
    };
  }
  let shown = "";
  const draw = (): void => void out.write(`${ERASE_LINE}${shown.slice(0, (out.columns || 80) - 1)}`);
  return {
    line(text) {
      out.write(`${ERASE_LINE}${text}\n`);
      if (shown !== "") draw();
    },
    status(text) {
      shown = text;
      draw();
    },
    clear() {
      if (shown !== "") out.write(ERASE_LINE);
      shown = "";
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
/** Digits after the point; a repair costs thousandths of a coin. */
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
