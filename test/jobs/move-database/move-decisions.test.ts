import { expect, test } from "vitest";
import {
  createRoleStatements,
  type MoveRole,
  membershipStatements,
  openRoleStatements,
  settingStatements,
} from "../../../lib/database/move/move-roles.ts";
import type { SlotState } from "../../../lib/database/move/publication.ts";
import { changedObjects } from "../../../lib/database/move/read-objects.ts";
import type { SubscriptionState } from "../../../lib/database/move/subscription.ts";
import { connectionString } from "../../../lib/database/move/subscription.ts";
import type { Run } from "../../../lib/database/runs/run.ts";
import { estimateMove, moveAlarms } from "../../../lib/jobs/move-database/move-kind.ts";
import { isSwitching, type MoveStep, stepToContinue } from "../../../lib/jobs/move-database/move-run.ts";
import { withoutPsqlCommands } from "../../../lib/jobs/move-database/pg-dump.ts";
import { Secret } from "../../../lib/secret/secret.ts";

test.each<[MoveStep, boolean, MoveStep]>([
  ["stopping", false, "stopping"],
  ["draining", false, "draining"],
  ["closing", false, "closing"],
  ["closed", false, "closed"],
  // After an interruption the switch does not trust the checks that it made after "closed", so it repeats them.
  ["caught-up", false, "closed"],
  ["compared", false, "closed"],
  ["opening", false, "closed"],
  ["opening", true, "opened"],
])("a switch that ended at %s (target open: %s) continues at %s", (at, isOpened, expected) => {
  expect(isSwitching(at)).toBe(true);
  expect(stepToContinue(at, isOpened)).toBe(expected);
});

test.each<MoveStep>(["begun", "roles", "schema", "subscribed", "ready", "opened"])(
  "at %s no switch is under way",
  (step) => expect(isSwitching(step)).toBe(false),
);

const slot: SlotState = {
  isActive: true,
  walStatus: "reserved",
  lagBytes: 10,
  keptBytes: 100,
  safeBytes: 900,
};
const subscription: SubscriptionState = {
  isEnabled: true,
  isApplying: true,
  tables: 2,
  readyTables: 2,
  copyingBytes: 0,
  copyingRows: 0,
  errors: 0,
};
const run = (step: MoveStep, changes: object = {}): Run => ({
  id: 1n,
  kind: "move-database",
  scope: {},
  state: "running",
  checkpoint: { step },
  statistics: {},
  error: null,
  owner: "ann",
  startedAt: new Date(0),
  finishedAt: null,
  coordinator: null,
  expiresAt: null,
  ...changes,
});

test.each<[string, Run, SlotState | undefined, SubscriptionState | undefined, RegExp | undefined]>([
  ["a replicating target", run("ready"), slot, subscription, undefined],
  [
    "a slot that is half used up",
    run("ready"),
    { ...slot, keptBytes: 600, safeBytes: 400 },
    subscription,
    /invalidates the target's slot/,
  ],
  [
    "a slot that is lost",
    run("ready"),
    { ...slot, walStatus: "lost" },
    subscription,
    /has invalidated the target/,
  ],
  ["no slot", run("ready"), undefined, subscription, /no slot/],
  ["no subscription", run("subscribed"), slot, undefined, /no subscription/],
  ["a disabled subscription", run("ready"), slot, { ...subscription, isEnabled: false }, /is switched off/],
  ["a worker that does not run", run("ready"), slot, { ...subscription, isApplying: false }, /does not run/],
  ["an abandoned switch", run("closed"), slot, subscription, /interrupted/],
  [
    "a running switch",
    run("closed", { coordinator: "host/1", expiresAt: new Date(2_000) }),
    slot,
    subscription,
    undefined,
  ],
  [
    "a reverted switch",
    run("ready", { statistics: { switchFailure: { code: "behind", message: "too far" } } }),
    slot,
    subscription,
    /taken back: too far/,
  ],
  [
    "a target that is open",
    run("opened"),
    slot,
    { ...subscription, isEnabled: false, isApplying: false },
    undefined,
  ],
  [
    "nothing, once the move has ended",
    run("ready", { finishedAt: new Date(1) }),
    undefined,
    undefined,
    undefined,
  ],
])("alarm: %s", (_title, given, ofSource, ofTarget, expected) => {
  const alarms = moveAlarms(given, ofSource, ofTarget, new Date(1_000));
  if (expected === undefined) expect(alarms).toEqual([]);
  else expect(alarms).toEqual([expect.stringMatching(expected)]);
});

test("the objects that an upgrade added, changed or removed are listed in order", () => {
  const before = { "table slabs": "1", "index a": "2", "function f()": "3" };
  expect(changedObjects(before, before)).toEqual([]);
  expect(changedObjects(before, { "table slabs": "9", "index b": "2", "function f()": "3" })).toEqual([
    "index a",
    "index b",
    "table slabs",
  ]);
});

const role: MoveRole = {
  name: 'the "role"',
  isSuperuser: false,
  inherits: false,
  createsRoles: false,
  createsDatabases: true,
  logsIn: true,
  replicates: false,
  bypassesRowSecurity: false,
  connectionLimit: 12,
  validUntil: null,
  verifier: new Secret("SCRAM-SHA-256$4096:a'b"),
};

test("a role is created without login and enabled later with its password verifier; name and verifier may contain any characters", () => {
  expect(createRoleStatements([role])).toEqual([
    'create role "the ""role""" nologin nosuperuser noinherit nocreaterole createdb noreplication nobypassrls connection limit 12',
  ]);
  expect(
    openRoleStatements([role, { ...role, logsIn: false, verifier: undefined, validUntil: "infinity" }]),
  ).toEqual([
    `alter role "the ""role""" login password 'SCRAM-SHA-256$4096:a''b'`,
    `alter role "the ""role""" nologin password null valid until 'infinity'`,
  ]);
});

test("settings of the database are copied; other settings and memberships only for roles that the move created", () => {
  const settings = [
    { role: null, ofDatabase: true, name: "work_mem", value: "5MB" },
    { role: "made", ofDatabase: false, name: "search_path", value: '"$user", public' },
    { role: "there", ofDatabase: false, name: "lock_timeout", value: "3s" },
    { role: "there", ofDatabase: true, name: "app.name", value: "it's" },
  ];
  expect(settingStatements(settings, { database: "new", created: new Set(["made"]) })).toEqual([
    `alter database "new" set "work_mem" to '5MB'`,
    `alter role "made" set "search_path" to "$user", public`,
    `alter role "there" in database "new" set "app"."name" to 'it''s'`,
  ]);
  const grant = { role: "there", member: "made", admin: false, inherit: true, set: true };
  expect(membershipStatements([grant, { ...grant, member: "other" }], new Set(["made"]))).toEqual([
    'grant "there" to "made" with admin false, inherit true, set true',
  ]);
});

test("a connection string quotes special characters for libpq, and is a secret", () => {
  const address = {
    host: "db",
    port: 5432,
    database: "it's \\",
    sslMode: "require",
    sslRootCertificate: undefined,
  };
  const secret = connectionString(address, { user: "u", password: new Secret("p") });
  expect(secret.reveal()).toBe(
    "host='db' port='5432' dbname='it\\'s \\\\' user='u' password='p' sslmode='require' connect_timeout='10' application_name='slabmend_move'",
  );
  expect(String(secret)).toBe("[secret]");
});

test("psql commands in a dump are removed", () => {
  expect(withoutPsqlCommands("\\restrict abc\nselect 1;\n\\unrestrict abc\n")).toBe("select 1;\n");
});

test("the estimate of a move's size and duration uses the server's statistics, and counts no table twice", () => {
  const source = {
    tables: [
      { name: "a", rows: 100_000 },
      { name: "b", rows: -1 },
    ],
    sectors: 1_000_000,
    bytes: 5,
  };
  expect(estimateMove(source as never)).toEqual({
    tables: 2,
    rows: 100_000,
    sectors: 1_000_000,
    bytes: 5,
    copySeconds: 7,
    secondsWithoutClaims: 34,
  });
});
