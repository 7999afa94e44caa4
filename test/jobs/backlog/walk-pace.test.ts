import { expect, test } from "vitest";
import { isToBePassedBy, paceAfter, type ReadTime } from "../../../lib/jobs/backlog/walk-pace.ts";

const quick: ReadTime = { tookMs: 10 };
const slow: ReadTime = { tookMs: 301 };
const middling: ReadTime = { tookMs: 200 };
const givenUp: ReadTime = "given-up";

test.each<[string, number, readonly ReadTime[], number, boolean]>([
  ["fast pages grow up to the limit", 3, [quick, quick, quick], 20, false],
  ["middling ones stay", 8, [middling, middling], 8, false],
  ["slow pages are halved, down to one", 8, [slow, slow, slow, slow, slow], 1, false],
  ["after a page was given up the next one has one slab", 20, [givenUp], 1, false],
  ["a single slab is tried three times", 20, [givenUp, givenUp, givenUp], 1, false],
  ["then passed by", 20, [givenUp, givenUp, givenUp, givenUp], 1, true],
  [
    "a successful read in between restarts the count",
    20,
    [givenUp, givenUp, slow, givenUp, givenUp],
    1,
    false,
  ],
])("%s", (_what, size, reads, expectedSize, isPassedBy) => {
  const pace = reads.reduce((before, read) => paceAfter(before, read, 20), { size, givenUp: 0 });
  expect(pace.size).toBe(expectedSize);
  expect(isToBePassedBy(pace)).toBe(isPassedBy);
});
