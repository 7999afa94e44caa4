import { expect, test } from "vitest";
import { judgeDueChecks } from "../../lib/cli/commands/doctor/check-due-checks.ts";

const well = { behindSeconds: 60, silentHosts: 2, inADay: 700_000, indexdSeconds: undefined };

test.each([
  ["only ok while indexd makes no checks", { ...well, indexdSeconds: 90_000 }, [["due-checks", "ok"]]],
  ["only ok if the role cannot read indexd's checks", well, [["due-checks", "ok"]]],
  [
    "a warning when indexd makes some too",
    { ...well, indexdSeconds: 120 },
    [
      ["due-checks", "ok"],
      ["indexd-checks-too", "warning"],
    ],
  ],
  ["a warning when checks are a day behind", { ...well, behindSeconds: 90_000 }, [["due-checks", "warning"]]],
] as const)("doctor's look at due checks: %s", (_name, facts, expected) => {
  const checks = judgeDueChecks(facts);
  expect(checks.map(({ code, level }) => [code, level])).toEqual(expected);
  for (const { level, remedy } of checks) expect(remedy !== undefined).toBe(level === "warning");
});
