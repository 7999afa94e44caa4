import { expect, test } from "vitest";
import { judgeClaims } from "../../lib/cli/commands/doctor/judge-claims.ts";

const at = "2026-11-30T08:00:00.000Z";
const running = { kind: "running", owner: null, reason: null, since: null } as const;
const paused = { kind: "paused", owner: "ops", reason: "upgrade", since: at } as const;
const recent = { at, ageSeconds: 20, hasStopped: false };
const old = { at, ageSeconds: 7_200, hasStopped: true };
const never = { at: null, ageSeconds: null, hasStopped: true };

test.each([
  ["ok", running, recent, "last claim 20 s ago, last complete walk 40 s ago, last reap never"],
  ["failure", running, old, /^claims have stopped, so nothing is repaired; .*last claim 2\.0 h ago/],
  ["warning", running, never, "no claim has run yet, so nothing is repaired"],
  ["skipped", paused, old, /^paused; last claim 2\.0 h ago/],
  ["skipped", { ...paused, kind: "maintenance" }, never, /^maintenance; last claim never/],
] as const)("doctor's check of claims is %s for fleet %j and claim %j", (level, mode, claim, says) => {
  const check = judgeClaims({
    mode,
    claim,
    walk: { at, ageSeconds: 40, passSeconds: 1 },
    reap: { at: null, ageSeconds: null },
  });
  expect(check).toMatchObject({ code: "claims", level });
  expect(check.says).toMatch(says);
  const needsRemedy = level === "failure" || level === "warning";
  expect("remedy" in check && check.remedy !== undefined).toBe(needsRemedy);
});
