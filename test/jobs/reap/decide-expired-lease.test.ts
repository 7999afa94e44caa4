import { expect, test } from "vitest";
import { decideExpiredLease, type ExpiredLease } from "../../../lib/jobs/reap/decide-expired-lease.ts";

const MINUTE = 60_000;
const lease = (rest: Partial<ExpiredLease>): ExpiredLease => ({
  running: true,
  crashes: 0,
  othersSucceed: true,
  breakerIsOpen: false,
  ...rest,
});
const decide = (rest: Partial<ExpiredLease>) => decideExpiredLease(lease(rest), { quarantineMs: 86_400_000 });

test.each<[string, Partial<ExpiredLease>, object]>([
  ["never begun, with any other state", { running: false, crashes: 9 }, { kind: "free", delayMs: 0 }],
  ["first crash", {}, { kind: "crash", delayMs: 0 }],
  ["second crash", { crashes: 1 }, { kind: "crash", delayMs: 0 }],
  [
    "third crash while others succeed",
    { crashes: 2 },
    { kind: "quarantine", delayMs: 0, quarantineMs: 86_400_000 },
  ],
  ["fourth, after a quarantine", { crashes: 3 }, { kind: "quarantine" }],
  [
    "third crash while no other slab succeeds",
    { crashes: 2, othersSucceed: false },
    { kind: "crash", delayMs: 2 * MINUTE },
  ],
  [
    "third crash with an open circuit breaker",
    { crashes: 2, breakerIsOpen: true },
    { kind: "crash", delayMs: 2 * MINUTE },
  ],
  ["and so on", { crashes: 4, othersSucceed: false }, { kind: "crash", delayMs: 8 * MINUTE }],
  ["for ever", { crashes: 32_000, othersSucceed: false }, { kind: "crash", delayMs: 32 * MINUTE }],
])("%s", (_what, rest, decision) => {
  expect(decide(rest)).toMatchObject(decision);
});

test("a quarantine has a reason", () => {
  expect(decide({ crashes: 4 })).toMatchObject({
    why: "5 repairs in a row crashed while other slabs were repaired",
  });
});
