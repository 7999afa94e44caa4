/** Formats quantities for people. With --json, commands print plain numbers, for programs. */

const HASTINGS_PER_MICROSIACOIN = 10n ** 18n;

/** Siacoins with six digits; a smaller amount above zero shows as "< 0.000001". */
export function siacoins(hastings: bigint): string {
  const micro = hastings / HASTINGS_PER_MICROSIACOIN;
  if (micro === 0n && hastings > 0n) return "< 0.000001 SC";
  const text = micro.toString().padStart(7, "0");
  return `${text.slice(0, -6)}.${text.slice(-6)} SC`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1_024 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit === 0 || Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** "1 failure", "2 failures". */
export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;

/** Aligns cells in columns, numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, String(cell).length);
    }
  }
  return rows.map((row) =>
    row
      .map((cell, column) =>
        typeof cell === "number" ? String(cell).padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join("  ")
      .trimEnd(),
  );
}

/**
 * Wraps a line of a report between words to fit 80 columns, and indents the lines after the first. A longer word stays
 * whole.
 */
export function wrapped(line: string, indent: number, columns = 80): string[] {
  const lines: string[] = [];
  let left = line;
  while (left.length > columns) {
    const lead = lines.length === 0 ? indent : indent + 1;
    const within = left.lastIndexOf(" ", columns);
    const at = within > lead ? within : left.indexOf(" ", columns);
    if (at < 0) break;
    lines.push(left.slice(0, at).trimEnd());
    left = " ".repeat(indent) + left.slice(at + 1);
  }
  return [...lines, left];
}
