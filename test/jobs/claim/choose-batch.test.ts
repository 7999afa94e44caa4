import { expect, test } from "vitest";
import { type BatchChoice, type BatchOptions, chooseBatch } from "../../../lib/jobs/claim/choose-batch.ts";

const DANGER = 1e-4;
const options = (rest: Partial<BatchOptions>): BatchOptions => ({
  toss: 0.5,
  agingShare: 0.1,
  maxLeases: 100,
  ordinaryLeft: null,
  dangerAbove: DANGER,
  endangeredDry: false,
  waitingDry: false,
  ...rest,
});

test.each<[string, Partial<BatchOptions>, BatchChoice | undefined]>([
  ["nine batches of ten: any slab by urgency", {}, { order: "urgency", urgencyAbove: -1, maxLeases: 100 }],
  [
    "half of every tenth batch: by waiting time, without slabs beyond rescue",
    { toss: 0.049 },
    { order: "waiting", urgencyAbove: 0, maxLeases: 100 },
  ],
  [
    "the other half: by waiting time, any slab",
    { toss: 0.05 },
    { order: "waiting", urgencyAbove: -1, maxLeases: 100 },
  ],
  [
    "by urgency if no slab has waited long enough",
    { toss: 0, waitingDry: true },
    { order: "urgency", urgencyAbove: -1, maxLeases: 100 },
  ],
  [
    "no share for aging, as for a probe",
    { toss: 0, agingShare: 0 },
    { order: "urgency", urgencyAbove: -1, maxLeases: 100 },
  ],
  [
    "with a partly used budget endangered slabs first, without a limit",
    { ordinaryLeft: 3 },
    { order: "urgency", urgencyAbove: DANGER, maxLeases: 100 },
  ],
  [
    "then others within the budget",
    { ordinaryLeft: 3, endangeredDry: true },
    { order: "urgency", urgencyAbove: -1, maxLeases: 3 },
  ],
  [
    "aging batches within the budget",
    { ordinaryLeft: 3, toss: 0.05 },
    { order: "waiting", urgencyAbove: -1, maxLeases: 3 },
  ],
  [
    "with a used up budget only endangered slabs, even for an aging batch",
    { ordinaryLeft: 0, toss: 0 },
    { order: "urgency", urgencyAbove: DANGER, maxLeases: 100 },
  ],
  ["then none", { ordinaryLeft: 0, endangeredDry: true }, undefined],
])("%s", (_, given, expected) => {
  expect(chooseBatch(options(given))).toEqual(expected);
});

test("over many batches, the share of batches for aging equals the configured share", () => {
  const tosses = Array.from({ length: 1_000 }, (_, n) => n / 1_000);
  const orders = tosses.map((toss) => chooseBatch(options({ toss }))!.order);
  expect(orders.filter((order) => order === "waiting")).toHaveLength(100);
});
