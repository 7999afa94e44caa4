import { expect, test } from "vitest";
import type { NamedSector } from "../../../lib/database/restore/restored-moves.ts";
import { decidePlacements, type Proof } from "../../../lib/jobs/restore/decide-placements.ts";
import type { HostId, Root, SectorId, SlabId } from "../../../lib/slab/ids.ts";

const OLD = 1 as HostId;
const NEW = 2 as HostId;
const PROVED: Proof = { kind: "proved" };
const DENIED: Proof = { kind: "denied", code: "not-found" };
const SILENT: Proof = { kind: "unanswered", code: "timed-out" };

const sector = (recordedAt: HostId | null, archivedAt: HostId | null): NamedSector => ({
  slabId: 1n as SlabId,
  index: 0,
  root: "aa".repeat(32) as Root,
  sectorId: 7n as SectorId,
  recordedAt,
  archivedAt,
  wasLost: archivedAt === null,
});

const found = (plannedHostId: HostId | null) => [{ plannedHostId, newHostId: NEW }];
const at = (hostId: HostId) => [{ hostId }];
const NOTHING = { found: [], absent: [], lost: [], earlier: [], alreadyRight: 0, unanswered: [] };

interface Case {
  readonly name: string;
  readonly recorded: HostId | null;
  readonly archived: HostId | null;
  readonly says: Partial<Record<number, Proof>>;
  readonly plan: object;
}

test.for<Case>([
  {
    name: "it moved, and its new host proves it",
    recorded: OLD,
    archived: NEW,
    says: { [NEW]: PROVED },
    plan: { ...NOTHING, found: found(OLD) },
  },
  {
    name: "it was lost at the time of the backup, and its new host proves it",
    recorded: null,
    archived: NEW,
    says: { [NEW]: PROVED },
    plan: { ...NOTHING, found: found(null) },
  },
  {
    name: "the archive says what the database says: no host is asked",
    recorded: NEW,
    archived: NEW,
    says: {},
    plan: { ...NOTHING, alreadyRight: 1 },
  },
  {
    name: "its new host denies it, and the old one still has it",
    recorded: OLD,
    archived: NEW,
    says: { [NEW]: DENIED, [OLD]: PROVED },
    plan: { ...NOTHING, earlier: at(NEW), alreadyRight: 1 },
  },
  {
    name: "both hosts deny it: it is recorded where it was, with an open denial",
    recorded: OLD,
    archived: NEW,
    says: { [NEW]: DENIED, [OLD]: DENIED },
    plan: { ...NOTHING, found: found(OLD), absent: at(NEW) },
  },
  {
    name: "its new host is silent, and the old one denies it: the next repair asks the new one for all of it",
    recorded: OLD,
    archived: NEW,
    says: { [NEW]: SILENT, [OLD]: DENIED },
    plan: { ...NOTHING, found: found(OLD), absent: at(NEW) },
  },
  {
    name: "both hosts are silent",
    recorded: OLD,
    archived: NEW,
    says: { [NEW]: SILENT, [OLD]: SILENT },
    plan: { ...NOTHING, earlier: at(NEW), unanswered: ["timed-out"] },
  },
  {
    name: "it had no host, and its new host denies it",
    recorded: null,
    archived: NEW,
    says: { [NEW]: DENIED },
    plan: { ...NOTHING, found: found(null), absent: at(NEW) },
  },
  {
    name: "it was lost after the backup, and its host says so again",
    recorded: OLD,
    archived: null,
    says: { [OLD]: DENIED },
    plan: { ...NOTHING, lost: at(OLD) },
  },
  {
    name: "it was lost after the backup, and its host has it again",
    recorded: OLD,
    archived: null,
    says: { [OLD]: PROVED },
    plan: { ...NOTHING, alreadyRight: 1 },
  },
])("$name", ({ recorded, archived, says, plan }) => {
  const decided = decidePlacements([sector(recorded, archived)], (_sector, host) => says[host]!);
  expect(decided).toMatchObject(plan);
  expect(decided.found.length + decided.absent.length + decided.lost.length + decided.earlier.length).toBe(
    Object.values(plan as Record<string, unknown>).reduce(
      (total: number, value) =>
        total + (Array.isArray(value) && typeof value[0] === "object" ? value.length : 0),
      0,
    ),
  );
});
