import { expect, test } from "vitest";
import type { MoveRole } from "../../../lib/database/move/move-roles.ts";
import type { MoveServer } from "../../../lib/database/move/read-move-server.ts";
import type { MoveSource } from "../../../lib/database/move/read-move-source.ts";
import type { MoveTarget } from "../../../lib/database/move/read-move-target.ts";
import { isMovable, judgePlan, type MoveFacts } from "../../../lib/jobs/move-database/judge-plan.ts";

const server: MoveServer = {
  versionNumber: 170010,
  role: "mover",
  isSuperuser: true,
  isReplica: false,
  systemIdentifier: "1",
  databaseOid: "5",
  database: "indexd",
  owner: "indexd",
  bytes: 1_000_000,
  nowMs: 1_800_000_000_000,
  encoding: "UTF8",
  locale: "c C C",
  settings: {
    wal_level: "logical",
    max_replication_slots: "10",
    max_wal_senders: "10",
    max_slot_wal_keep_size: "20480 MB",
    max_worker_processes: "8",
    max_logical_replication_workers: "4",
    max_sync_workers_per_subscription: "2",
  },
  slotsUsed: 0,
  walSendersUsed: 0,
  workersUsed: 0,
  originsUsed: 0,
};
const source: MoveServer & MoveSource = {
  ...server,
  tables: [{ name: "public.slabs", rows: 100 }],
  tablesWithoutKey: [],
  unloggedTables: [],
  materializedViews: [],
  extensionTables: [],
  triggersOnReplica: [],
  largeObjects: 0,
  preparedTransactions: 0,
  extensions: ["plpgsql"],
  settingNames: ["work_mem"],
  foreignGrants: [],
  indexdRole: "indexd",
  superusersThatLogIn: ["mover"],
  leftovers: [],
  sectors: 3_000,
};
const target: MoveServer & MoveTarget = {
  ...server,
  versionNumber: 180004,
  systemIdentifier: "2",
  settings: { ...server.settings, max_active_replication_origins: "10" },
  contents: [],
  leftovers: [],
  extensions: ["plpgsql"],
  settingNames: ["work_mem"],
  roles: ["mover"],
  rolesThatLogIn: ["mover"],
};
const role = (name: string): MoveRole => ({
  name,
  isSuperuser: false,
  inherits: true,
  createsRoles: false,
  createsDatabases: false,
  logsIn: true,
  replicates: false,
  bypassesRowSecurity: false,
  connectionLimit: -1,
  validUntil: null,
  verifier: undefined,
});
const ASKED =
  'could not connect to the publisher: FATAL:  password authentication failed for user "slabmend_move"';
const fine: MoveFacts = {
  source,
  target,
  roles: { roles: [role("indexd")], memberships: [], settings: [] },
  pgDump: 18,
  reach: ASKED,
  activeRun: undefined,
};

const from = (changes: Partial<MoveServer & MoveSource>): MoveFacts => ({
  ...fine,
  source: { ...source, ...changes },
});
const to = (changes: Partial<MoveServer & MoveTarget>): MoveFacts => ({
  ...fine,
  target: { ...target, ...changes },
});
const setting = (name: string, value: string) => ({ settings: { ...source.settings, [name]: value } });
const targetSetting = (name: string, value: string) => ({ settings: { ...target.settings, [name]: value } });

test("a plan for a suitable source and target has only the warning about the target's disk", () => {
  const findings = judgePlan(fine);
  expect(isMovable(findings)).toBe(true);
  expect(findings.filter(({ level }) => level === "warning").map(({ code }) => code)).toEqual(["disk"]);
});

test.each<[string, string, MoveFacts]>([
  [
    "another run is not finished",
    "run-active",
    { ...fine, activeRun: { id: 7n, kind: "verify", owner: "ann" } },
  ],
  ["a source that is too old", "versions", from({ versionNumber: 160004 })],
  ["a target that is older", "versions", to({ versionNumber: 160004 })],
  ["a source login without superuser rights", "rights", from({ isSuperuser: false })],
  ["a target login without superuser rights", "rights", to({ isSuperuser: false })],
  ["a replica as source", "replica", from({ isReplica: true })],
  ["the same database twice", "same-database", to({ systemIdentifier: "1" })],
  ["another database of the same server", "same-server", to({ systemIdentifier: "1", databaseOid: "6" })],
  ["a target whose clock is ahead", "clocks", to({ nowMs: server.nowMs + 61_000 })],
  ["a target whose clock is behind", "clocks", to({ nowMs: server.nowMs - 61_000 })],
  ["no pg_dump", "pg-dump", { ...fine, pgDump: "none at pg_dump" }],
  ["a pg_dump that is too old for the target", "pg-dump", { ...fine, pgDump: 17 }],
  ["wal_level replica", "wal-level", from(setting("wal_level", "replica"))],
  ["no limit for the slot", "slot-unbounded", from(setting("max_slot_wal_keep_size", "-1"))],
  ["no slot left", "no-room", from({ slotsUsed: 8 })],
  ["no wal sender left", "no-room", from({ walSendersUsed: 8 })],
  ["no replication worker left", "no-room", to({ workersUsed: 2 })],
  ["too few worker processes", "no-room", to(targetSetting("max_worker_processes", "2"))],
  ["no replication origin left", "no-room", to({ originsUsed: 8 })],
  ["an unreachable network", "reach", { ...fine, reach: "could not translate host name" }],
  ["pg_hba.conf without a line", "reach", { ...fine, reach: "FATAL:  no pg_hba.conf entry for host" }],
  [
    "a source that asks for no password",
    "reach",
    { ...fine, reach: "a server at that address let it in with a wrong password" },
  ],
  ["no indexd", "not-indexd", from({ indexdRole: undefined })],
  ["indexd's role as the move's login", "shared-role", from({ role: "indexd" })],
  ["tables without a key", "no-key", from({ tablesWithoutKey: ["public.notes"] })],
  ["unlogged tables", "unlogged", from({ unloggedTables: ["public.cache"] })],
  ["materialized views", "materialized-view", from({ materializedViews: ["public.sums"] })],
  ["tables of extensions", "extension-tables", from({ extensionTables: ["public.spatial"] })],
  [
    "triggers that fire on a replica",
    "trigger-on-replica",
    from({ triggersOnReplica: ["t on public.slabs"] }),
  ],
  ["large objects", "large-objects", from({ largeObjects: 1 })],
  ["prepared transactions", "prepared", from({ preparedTransactions: 1 })],
  ["CONNECT granted by others", "foreign-grants", from({ foreignGrants: ["ann"] })],
  ["leftovers of an earlier move on the source", "leftovers", from({ leftovers: ["slot slabmend_move"] })],
  ["a target that is not empty", "target-not-empty", to({ contents: ["public.slabs"] })],
  ["a subscription in the target", "target-not-empty", to({ leftovers: ["subscription slabmend_move"] })],
  ["another encoding", "encoding", to({ encoding: "LATIN1" })],
  ["an extension that the target lacks", "extensions", from({ extensions: ["plpgsql", "postgis"] })],
  ["a role that cannot log in to the target", "roles-locked", to({ roles: ["mover", "indexd"] })],
  ["a setting that the target does not know", "settings", from({ settingNames: ["old_snapshot_threshold"] })],
])("%s is a failure: %s", (_title, code, facts) => {
  const failures = judgePlan(facts).filter(({ level }) => level === "failure");
  expect(failures.map((found) => found.code)).toEqual([code]);
  expect(failures[0]!.remedy).toMatch(/.{10}/);
});

test.each<[string, string, MoveFacts]>([
  ["a slot that times out", "slot-timeout", from(setting("idle_replication_slot_timeout", "3600"))],
  ["superusers other than the move's", "superusers", from({ superusersThatLogIn: ["mover", "backup"] })],
  ["another collation", "locale", to({ locale: "i en-US" })],
  [
    "roles that already exist on the target",
    "roles-there",
    to({ roles: ["mover", "indexd"], rolesThatLogIn: ["mover", "indexd"] }),
  ],
])("%s is a warning: %s", (_title, code, facts) => {
  const findings = judgePlan(facts);
  expect(isMovable(findings)).toBe(true);
  expect(findings.filter(({ level }) => level === "warning").map((found) => found.code)).toContain(code);
});
