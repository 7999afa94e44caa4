import { counted, table } from "../../command/quantities.ts";
import type { Check } from "./check.ts";

export function countTroubles(checks: readonly Check[]): {
  readonly failures: number;
  readonly warnings: number;
} {
  const count = (wanted: Check["level"]) => checks.filter(({ level }) => level === wanted).length;
  return { failures: count("failure"), warnings: count("warning") };
}

/** For people: one line per check, with the remedy below it, and the totals. */
export function renderChecks(checks: readonly Check[]): string {
  const { failures, warnings } = countTroubles(checks);
  const lines = table(checks.map(({ level, code, says }) => [level, code, says]));
  return [
    ...checks.flatMap(({ remedy }, index) =>
      remedy === undefined ? [lines[index]!] : [lines[index]!, `         → ${remedy}`],
    ),
    "",
    `${counted(failures, "failure")}, ${counted(warnings, "warning")}`,
  ].join("\n");
}
