import { expect, test } from "vitest";
import type { Proof } from "../../../lib/jobs/restore/decide-placements.ts";
import { decideScan, type Search } from "../../../lib/jobs/restore/decide-scan.ts";
import type { HostId, Root, SectorId, SlabId } from "../../../lib/slab/ids.ts";

const OLD = 1 as HostId;
const NEW = 2 as HostId;
const PROVED: Proof = { kind: "proved" };
const DENIED: Proof = { kind: "denied", code: "not-found" };
const SILENT: Proof = { kind: "unanswered", code: "timed-out" };
const NOTHING = {
  found: [],
  absent: [],
  lost: [],
  earlier: [],
  unanswered: [],
  alreadyRight: 0,
  notFound: 0,
};

const search = (
  recordedAt: HostId | null,
  recorded: Proof | null,
  foundAt: HostId | null,
  index = 0,
): Search => ({
  sector: {
    slabId: 1n as SlabId,
    index,
    root: `${index}`.repeat(64) as Root,
    sectorId: BigInt(70 + index) as SectorId,
    recordedAt,
  },
  recorded,
  foundAt,
});

interface Case {
  readonly name: string;
  readonly searches: readonly Search[];
  readonly plan: object;
}

test.for<Case>([
  {
    name: "a sector that its host proves stays",
    searches: [search(OLD, PROVED, null)],
    plan: { ...NOTHING, alreadyRight: 1 },
  },
  {
    name: "a sector that its host denies comes to the host that proves it",
    searches: [search(OLD, DENIED, NEW)],
    plan: {
      ...NOTHING,
      found: [{ sectorId: 70n, plannedHostId: OLD, newHostId: NEW }],
      earlier: [{ sectorId: 70n, hostId: OLD, code: "not-found" }],
    },
  },
  {
    name: "a sector whose host is silent comes to the host that proves it",
    searches: [search(OLD, SILENT, NEW)],
    plan: {
      ...NOTHING,
      found: [{ sectorId: 70n, plannedHostId: OLD, newHostId: NEW }],
      earlier: [{ sectorId: 70n, hostId: OLD, code: "not-found" }],
    },
  },
  {
    name: "a sector without a host comes to the host that proves it",
    searches: [search(null, null, NEW)],
    plan: { ...NOTHING, found: [{ sectorId: 70n, plannedHostId: null, newHostId: NEW }] },
  },
  {
    name: "a denied sector that is nowhere else stays with an open denial",
    searches: [search(OLD, DENIED, null)],
    plan: { ...NOTHING, absent: [{ sectorId: 70n, hostId: OLD, code: "not-found" }], notFound: 1 },
  },
  {
    name: "a denied sector that is nowhere else is lost where another one of the slab was found",
    searches: [search(OLD, DENIED, null), search(NEW, DENIED, OLD, 1)],
    plan: {
      ...NOTHING,
      found: [{ sectorId: 71n, plannedHostId: NEW, newHostId: OLD }],
      lost: [{ sectorId: 70n, hostId: OLD, code: "not-found", onlyIfTaken: true }],
      earlier: [
        { sectorId: 70n, hostId: OLD, code: "not-found" },
        { sectorId: 71n, hostId: NEW, code: "not-found" },
      ],
      notFound: 1,
    },
  },
  {
    name: "of a silent host nothing is recorded",
    searches: [search(OLD, SILENT, null)],
    plan: { ...NOTHING, unanswered: ["timed-out"] },
  },
  {
    name: "a sector without a host that is nowhere is counted",
    searches: [search(null, null, null)],
    plan: { ...NOTHING, notFound: 1 },
  },
])("$name", ({ searches, plan }) => {
  expect(decideScan(searches)).toMatchObject(plan);
});
