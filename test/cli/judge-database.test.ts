import { describe, expect, test } from "vitest";
import { parseDatabaseUrl } from "../../lib/cli/command/database-url.ts";
import { judgeHosts } from "../../lib/cli/commands/doctor/check-hosts.ts";
import {
  describePooler,
  judgeClock,
  judgeConnections,
  judgeEncryption,
  judgePrivileges,
  judgeTimeouts,
  judgeVersion,
} from "../../lib/cli/commands/doctor/judge-database.ts";
import type { DatabaseUrl } from "../../lib/config/database-url.ts";
import { DEFAULT_REPAIR_CONCURRENCY } from "../../lib/config/repair-concurrency.ts";
import { connectionLimit } from "../../lib/database/schema/grant-statements.ts";
import type { ServerFacts } from "../../lib/database/schema/read-server-facts.ts";

const facts = (changes: Partial<ServerFacts> = {}): ServerFacts => ({
  versionNumber: 180_004,
  clockMs: 0,
  role: "slabmend",
  isSuperuser: false,
  roleConnectionLimit: 105,
  maxConnections: 200,
  reservedConnections: 3,
  otherConnections: 12,
  ownConnections: 1,
  serverPort: 5432,
  isEncrypted: true,
  takesWrites: true,
  isReplica: false,
  timeouts: { statement_timeout: "15s", lock_timeout: "3s", idle_in_transaction_session_timeout: "5s" },
  ...changes,
});
const url = (query: string): DatabaseUrl => parseDatabaseUrl(`postgres://u:p@127.0.0.1/indexd${query}`);

describe("doctor judges whether max_connections suffices for the concurrency", () => {
  test.each([
    ["room for all", facts(), 100, "ok"],
    ["no limit on the role", facts({ roleConnectionLimit: -1 }), 100, "warning"],
    ["a limit below the concurrency", facts({ roleConnectionLimit: 50 }), 100, "warning"],
    ["a limit that leaves no connections for others", facts({ maxConnections: 100 }), 100, "failure"],
    ["other clients that use the connections", facts({ otherConnections: 150 }), 100, "failure"],
    [
      "no limit, and too few connections",
      facts({ roleConnectionLimit: -1, maxConnections: 100 }),
      100,
      "failure",
    ],
  ])("%s", (_name, server, concurrency, level) => {
    expect(judgeConnections(server, concurrency).level).toBe(level);
  });

  test.each([
    ["the default concurrency", DEFAULT_REPAIR_CONCURRENCY, 20, "ok"],
    ["the default concurrency with 42 other connections", DEFAULT_REPAIR_CONCURRENCY, 42, "ok"],
    ["the default concurrency with 43 other connections", DEFAULT_REPAIR_CONCURRENCY, 43, "failure"],
    ["the maximum that leaves indexd enough", 72, 20, "ok"],
    ["one more", 73, 20, "failure"],
  ])("a server with PostgreSQL's default of 100 connections: %s", (_name, concurrency, others, level) => {
    const server = facts({
      maxConnections: 100,
      otherConnections: others,
      roleConnectionLimit: connectionLimit(concurrency),
    });
    expect(judgeConnections(server, concurrency).level).toBe(level);
  });
});

test.each([
  [0, 10, "ok"],
  [-4_900, 0, "ok"],
  [5_300, 100, "warning"],
  [-61_000, 0, "failure"],
  // The answer took so long that the clocks may agree.
  [61_000, 60_000, "ok"],
])("a clock %d ms off, known to %d ms: %s", (skewMs, uncertainMs, level) => {
  expect(judgeClock(skewMs, uncertainMs).level).toBe(level);
});

test("doctor judges versions, encryption, timeouts, pooler and privileges", () => {
  expect(judgeVersion(facts()).says).toBe("PostgreSQL 18.4");
  expect(judgeVersion(facts({ versionNumber: 140_011 })).level).toBe("failure");
  expect(judgeEncryption(facts(), url("?sslmode=verify-full")).level).toBe("ok");
  expect(judgeEncryption(facts(), url("?sslmode=require")).level).toBe("warning");
  expect(judgeEncryption(facts({ isEncrypted: false }), url("")).level).toBe("ok");
  expect(judgeTimeouts(facts()).level).toBe("ok");
  expect(judgeTimeouts(facts({ timeouts: { ...facts().timeouts, lock_timeout: "0" } })).says).toContain(
    "lock_timeout",
  );
  expect(describePooler(facts(), url(""), false).says).toContain("none seen");
  expect(describePooler(facts(), url(""), true)).toMatchObject({
    level: "ok",
    says: expect.stringContaining("a pooler in transaction mode"),
  });
  expect(describePooler(facts({ serverPort: 6_543 }), url(""), true).level).toBe("ok");
  expect(describePooler(facts({ serverPort: 6_543 }), url(""), false)).toMatchObject({
    level: "warning",
    remedy: expect.stringContaining("pool_mode"),
  });
  const missing = Array.from({ length: 7 }, (_, index) => `right ${index}`);
  const gaps = { missing: [], missingOfVersion: [], excessive: [] };
  expect(judgePrivileges(facts(), { ...gaps, missing })).toMatchObject({
    level: "failure",
    says: expect.stringContaining("and 2 more"),
  });
  expect(judgePrivileges(facts(), { ...gaps, excessive: ["superuser"] }).level).toBe("warning");
  expect(judgePrivileges(facts(), { ...gaps, missingOfVersion: ["select (x) on y"] })).toMatchObject({
    level: "warning",
    says: expect.stringContaining("indexd was upgraded"),
  });
});

test.each([
  [["funded", "funded", "dry"], "ok", "ok"],
  [["funded", "dry", "dry"], "ok", "warning"],
  [["dry", "dry", "dry"], "ok", "failure"],
  [["funded", "away", "away"], "warning", "ok"],
  [["away", "away", "away"], "failure", "skipped"],
] as const)("hosts that are %j: reached %s, account %s", (kinds, hosts, account) => {
  const answers = kinds.map((kind) =>
    kind === "away" ? ({ kind: "unreachable", code: "unreachable" } as const) : { kind },
  );
  expect(judgeHosts(answers, true).map(({ level }) => level)).toEqual([hosts, account]);
});

test.each([
  ["most that do not answer are private", ["address-refused", "address-refused", "timeout"], true],
  ["one private host among many unreachable ones", ["address-refused", "timeout", "timeout"], false],
  ["none is private", ["timeout", "unreachable"], false],
])("the remedy of hosts that do not answer, when %s", (_when, codes, isPrivate) => {
  const [hosts] = judgeHosts(
    codes.map((code) => ({ kind: "unreachable", code })),
    false,
  );
  expect(hosts).toMatchObject({ level: "failure" });
  const { remedy } = hosts as { readonly remedy?: string };
  expect(remedy).toContain(isPrivate ? "SLABMEND_ALLOW_PRIVATE_ADDRESSES=true" : "Allow outgoing TCP");
});
