import { expect, test } from "vitest";
import type { CheckClaim } from "../../../lib/database/verify/record-checks.ts";
import type { LeafAnswer } from "../../../lib/jobs/repair/prove-leaf.ts";
import { judgeBatch } from "../../../lib/jobs/verify/verify-job.ts";
import { statisticsOf, type VerifyScope } from "../../../lib/jobs/verify/verify-run.ts";
import type { HostId, Root, SectorId } from "../../../lib/slab/ids.ts";

const root = (n: number) => n.toString(16).padStart(64, "0") as Root;
const host: VerifyScope = { of: "host", host: root(0) as never, sectors: 9, sample: null };
const slab: VerifyScope = { of: "slab", slab: "1", sectors: 9 };
const CONFIRMED: LeafAnswer = { kind: "confirmed" };
const DENIED: LeafAnswer = { kind: "denied", code: "corrupt" };
const WRONG: LeafAnswer = { kind: "wrong-data" };
const lacking = (code: string): LeafAnswer => ({ kind: "unanswered", code });

function judge(scope: VerifyScope, answers: readonly LeafAnswer[]) {
  const claims = answers.map(
    (_, n): CheckClaim => ({
      sectorId: BigInt(n + 1) as SectorId,
      root: root(n + 1),
      hostId: 1 as HostId,
      mapId: 1,
      claimedUntil: "2027-01-01",
      previous: "2026-12-01",
    }),
  );
  const { recorded, silent } = judgeBatch({
    scope,
    at: { after: root(7), slab: null, windows: 0, silent: 2 },
    before: statisticsOf({ statistics: { passed: 100, unanswered: { "timed-out": 1 }, hastings: "5" } }),
    next: {
      // The batch has one more sector, which is on no host.
      sectorIds: [...claims.map(({ sectorId }) => sectorId), 99n as SectorId],
      passes: claims.length + 1,
      behind: { after: root(8), slab: null, windows: 0 },
    },
    asked: { answers: claims.map((claim, n) => ({ claim, answer: answers[n]! })), hastings: 7n },
  });
  const ids = (some: readonly CheckClaim[]) => some.map(({ sectorId }) => Number(sectorId));
  const { passed, wrongData, notThere, unanswered, hastings } = recorded.statistics;
  return {
    confirmed: ids(recorded.confirmed),
    denied: ids(recorded.denied),
    released: ids(recorded.released).sort(),
    goesOn: (recorded.checkpoint as { after: Root }).after === root(8),
    silent,
    counts: { passed, wrongData, notThere, unanswered, hastings },
  };
}

const UNCHANGED = { passed: 100, wrongData: 0, notThere: 0, unanswered: { "timed-out": 1 }, hastings: "12" };

test.each([
  [
    "answers of all kinds",
    host,
    [CONFIRMED, DENIED, WRONG, lacking("timed-out")],
    {
      confirmed: [1],
      denied: [2],
      released: [3, 4],
      goesOn: true,
      silent: 0,
      counts: { passed: 105, wrongData: 1, notThere: 1, unanswered: { "timed-out": 2 }, hastings: "12" },
    },
  ],
  [
    "a silent host is asked again",
    host,
    [lacking("unreachable"), lacking("timed-out")],
    {
      confirmed: [],
      denied: [],
      released: [1, 2],
      goesOn: false,
      silent: 3,
      counts: UNCHANGED,
    },
  ],
  [
    "silent hosts of a slab are skipped",
    slab,
    [lacking("unreachable")],
    {
      confirmed: [],
      denied: [],
      released: [1],
      goesOn: true,
      silent: 0,
      counts: {
        passed: 102,
        wrongData: 0,
        notThere: 1,
        unanswered: { "timed-out": 1, unreachable: 1 },
        hastings: "12",
      },
    },
  ],
  [
    "a batch interrupted by the end of the process is repeated completely",
    host,
    [CONFIRMED, DENIED, lacking("aborted")],
    {
      confirmed: [],
      denied: [],
      released: [1, 2, 3],
      goesOn: false,
      silent: 2,
      counts: UNCHANGED,
    },
  ],
] as const)("%s", (_name, scope, answers, expected) => {
  expect(judge(scope, answers)).toEqual(expected);
});
