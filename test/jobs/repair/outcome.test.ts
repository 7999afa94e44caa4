import { expect, test } from "vitest";
import type { OutcomeKind } from "../../../lib/database/leases/outcome-writes.ts";
import { decideOutcome, type RepairTally } from "../../../lib/jobs/repair/outcome.ts";

const nothing: RepairTally = {
  moves: 3,
  stored: 0,
  confirmed: 0,
  noCandidates: false,
  pinnedWrongly: 0,
  deadlineReached: false,
  tooFewSources: false,
  costLimitReached: false,
  ourFault: undefined,
  underfunded: false,
};

const table: [string, Partial<RepairTally>, OutcomeKind][] = [
  ["all stored", { stored: 3 }, "repaired"],
  ["all sectors are served by the hosts that had denied them", { confirmed: 3 }, "healthy"],
  ["one denied sector is served, two are stored", { confirmed: 1, stored: 2 }, "repaired"],
  [
    "one denied sector is served, no host can take the rest",
    { confirmed: 1, noCandidates: true },
    "no-candidates",
  ],
  ["all stored although the deadline was near", { stored: 3, deadlineReached: true }, "repaired"],
  ["some stored, no host took the rest", { stored: 1 }, "partial-refused"],
  ["some stored, then the deadline", { stored: 1, deadlineReached: true }, "partial-deadline"],
  ["some stored, sources failed for the rest", { stored: 2, tooFewSources: true }, "too-few-sources"],
  [
    "some stored, lack of funds explains the rest",
    { stored: 1, tooFewSources: true, underfunded: true },
    "partial-refused",
  ],
  ["nothing stored before the deadline", { deadlineReached: true }, "interrupted"],
  ["the deadline explains missing sources", { deadlineReached: true, tooFewSources: true }, "interrupted"],
  ["lack of funds explains missing sources", { underfunded: true, tooFewSources: true }, "underfunded"],
  ["sources are missing", { tooFewSources: true }, "too-few-sources"],
  ["a fault of ours explains missing sources", { tooFewSources: true, ourFault: "token-expired" }, "fault"],
  [
    "a fault of ours, but some shards were stored",
    { stored: 1, tooFewSources: true, ourFault: "token-expired" },
    "too-few-sources",
  ],
  ["a fault of ours explains that no candidate stored anything", { ourFault: "host-refused" }, "fault"],
  [
    "nothing stored before the money was spent",
    { costLimitReached: true, tooFewSources: true },
    "interrupted",
  ],
  ["some stored, then the money was spent", { stored: 1, costLimitReached: true }, "partial-refused"],
  [
    "a fault of ours, but time explains it",
    { tooFewSources: true, ourFault: "no-host-answered", deadlineReached: true },
    "interrupted",
  ],
  ["every candidate refused", {}, "partial-refused"],
  ["all but the shard that was pinned wrongly", { stored: 2, pinnedWrongly: 1 }, "repaired"],
  ["nothing but shards that were pinned wrongly", { pinnedWrongly: 3 }, "partial-refused"],
];

test.each(table)("%s", (_, tally, expected) => {
  expect(decideOutcome({ ...nothing, ...tally })).toBe(expected);
});
