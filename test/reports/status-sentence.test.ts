import { expect, test } from "vitest";
import { type SentenceFacts, statusSentence } from "../../lib/reports/status-sentence.ts";

const HEALTHY: SentenceFacts = {
  mode: { kind: "running", owner: null, reason: null, since: null },
  breaker: { open: false, since: "2026-11-30T08:00:00.000Z", backoffUntil: null },
  slabs: {
    total: 333_333,
    totalIsExact: true,
    unhealthy: 0,
    ready: 0,
    waiting: 0,
    inDanger: 0,
    beyondRescue: 0,
    dangerAbove: 1e-4,
  },
  walk: { at: "2026-11-30T08:00:00.000Z", ageSeconds: 14, passSeconds: 1 },
  claim: { at: "2026-11-30T08:00:00.000Z", ageSeconds: 3, hasStopped: false },
};
const slabs = (changes: Partial<SentenceFacts["slabs"]>) => ({ slabs: { ...HEALTHY.slabs, ...changes } });
const UNKNOWN = {
  ...slabs({ unhealthy: null, ready: null, waiting: null, inDanger: null, beyondRescue: null }),
  walk: { at: null, ageSeconds: null, passSeconds: null },
};
const NEVER = { claim: { at: null, ageSeconds: null, hasStopped: true } };
const STOPPED = { claim: { ...HEALTHY.claim, ageSeconds: 23 * 60, hasStopped: true } };
const PAUSED = {
  mode: { kind: "paused" as const, owner: "ann@box", reason: "why", since: "2026-11-30T08:00:00.000Z" },
};
const OLD = { walk: { ...HEALTHY.walk, ageSeconds: 3 * 3_600 } };
const DANGER = slabs({ unhealthy: 25, inDanger: 12 });

const TABLE: readonly [string, Partial<SentenceFacts>, string][] = [
  ["safe", {}, "All 333,333 slabs are safe"],
  ["safe", slabs({ total: 333_000, totalIsExact: false }), "All about 333,000 slabs are safe"],
  ["safe", slabs({ total: 0 }), "indexd has no slabs"],
  ["safe", PAUSED, "All 333,333 slabs are safe; paused by ann@box"],
  ["safe", { ...PAUSED, ...OLD }, "All 333,333 slabs were safe 3.0 h ago; paused by ann@box"],
  ["unknown", UNKNOWN, "Unknown: no walk has finished yet"],
  ["unknown", { ...UNKNOWN, ...NEVER }, "Unknown: no walk has finished yet; no claim has run yet"],
  ["waiting", slabs({ unhealthy: 25 }), "No slab is in danger; 25 of 333,333 slabs have to be repaired"],
  ["waiting", slabs({ unhealthy: 1 }), "No slab is in danger; 1 of 333,333 slabs has to be repaired"],
  ["stopped", STOPPED, "Nothing is repaired: no claim for 23 min"],
  [
    "stopped",
    { ...STOPPED, ...slabs({ unhealthy: 25 }) },
    "Nothing is repaired: no claim for 23 min; 25 of 333,333 slabs have to be repaired",
  ],
  [
    "stopped",
    { breaker: { ...HEALTHY.breaker, open: true }, ...slabs({ unhealthy: 25 }) },
    "Nothing is repaired: the circuit breaker is open; 25 of 333,333 slabs have to be repaired",
  ],
  ["danger", DANGER, "12 slabs are in danger"],
  ["danger", slabs({ unhealthy: 25, inDanger: 1 }), "1 slab is in danger"],
  [
    "danger",
    slabs({ unhealthy: 25, inDanger: 12, beyondRescue: 2 }),
    "12 slabs are in danger, 2 of them beyond rescue",
  ],
  [
    "danger",
    { ...DANGER, ...STOPPED, ...OLD },
    "12 slabs were in danger 3.0 h ago; nothing is repaired: no claim for 23 min",
  ],
];

test.each(TABLE.map(([level, changes, text]) => ({ level, changes, text })))(
  "the sentence of a fleet that is $level: $text",
  ({ level, changes, text }) => {
    expect(statusSentence({ ...HEALTHY, ...changes })).toEqual({ level, text });
  },
);
