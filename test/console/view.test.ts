import { describe, expect, test } from "vitest";
import {
  type Connection,
  type ConnectionEvent,
  nextConnection,
  reconnectDelayMs,
} from "../../lib/console/browser/view/connection.ts";
import {
  ago,
  bytes,
  clockTime,
  compact,
  counted,
  duration,
  figure,
  probability,
  shortKey,
  siacoins,
  until,
} from "../../lib/console/browser/view/format.ts";
import { moveInGrid } from "../../lib/console/browser/view/host-look.ts";
import { chooseIndexer, pathOf } from "../../lib/console/browser/view/indexer.ts";
import { stepsOf } from "../../lib/console/browser/view/phases.ts";
import { linkTo, routeOf, takeToken } from "../../lib/console/browser/view/route.ts";
import {
  coordinatorText,
  progressText,
  requestsFor,
  statisticsOf,
  subjectOf,
  toneOfRun,
} from "../../lib/console/browser/view/run.ts";
import { uniqueById } from "../../lib/console/browser/view/unique.ts";

const NOW = Date.parse("2026-11-30T12:00:00Z");
const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();

describe("numbers and times as the console prints them", () => {
  test.each([
    [duration(0), "0 s"],
    [duration(59.6), "1 min"],
    [duration(125), "2 min 5 s"],
    [duration(36_000), "10 h"],
    [duration(90_000), "1 d 1 h"],
    [ago(at(-1), NOW), "just now"],
    [ago(at(-12), NOW), "12 s ago"],
    [ago(at(60), NOW), "just now"],
    [until(at(-5), NOW), "now"],
    [until(at(300), NOW), "in 5 min"],
    [clockTime(at(-60), NOW, "UTC"), "11:59"],
    [clockTime(at(-86_400), NOW, "UTC"), "29 Nov 12:00"],
    [bytes(0), "0 B"],
    [bytes(999), "999 B"],
    [bytes(4_194_304), "4.19 MB"],
    [siacoins(0), "0 SC"],
    [siacoins("0.0000001"), "< 0.001 SC"],
    [siacoins(41.234), "41.2 SC"],
    [figure(2.5), "2.5"],
    [figure(1_230.4), "1,230"],
    [compact(999), "999"],
    [compact(2_942), "2.9k"],
    [counted(1, "slab"), "1 slab"],
    [counted(333_333, "slab"), "333,333 slabs"],
    [probability(0), "almost none"],
    [probability(0.2), "20 %"],
    [probability(0.000_62), "1 in 1,600"],
    [probability(1e-12), "below 1 in a billion"],
    [shortKey("ab".repeat(32)), "ababab…abab"],
    [shortKey("short"), "short"],
  ])("%s is %s", (printed, expected) => expect(printed).toBe(expected));
});

describe("addresses of the views", () => {
  test.each([
    ["", { view: "overview" }],
    ["#/", { view: "overview" }],
    ["#/slabs?margin=2&cause=lost", { view: "slabs", query: { margin: "2", cause: "lost" } }],
    ["#/slabs/12", { view: "slab", id: "12" }],
    [`#/slabs/${"a".repeat(64)}`, { view: "slab", id: "a".repeat(64) }],
    ["#/slabs/../mode", { view: "unknown", path: "/slabs/../mode" }],
    ["#/slabs/1%2F2", { view: "unknown", path: "/slabs/1%2F2" }],
    ["#/workers/1", { view: "unknown", path: "/workers/1" }],
    ["#/nowhere", { view: "unknown", path: "/nowhere" }],
  ])("%s", (fragment, route) => expect(routeOf(fragment)).toEqual(route));

  test("a link omits empty filters and can be parsed again", () => {
    const link = linkTo("journal", { slab: "", host: "a&b=c", outcome: "fault" });
    expect(link).toBe("#/journal?host=a%26b%3Dc&outcome=fault");
    expect(routeOf(link)).toEqual({ view: "journal", query: { host: "a&b=c", outcome: "fault" } });
  });

  test.each([
    ["#token=abcdefghijklmnop", { token: "abcdefghijklmnop", rest: "" }],
    ["#token=abcdefghijklmnop&/slabs/1", { token: "abcdefghijklmnop", rest: "#/slabs/1" }],
    ["#token=short", undefined],
    ["#/slabs?token=abcdefghijklmnop", undefined],
  ])("the token in %s", (fragment, taken) => expect(takeToken(fragment)).toEqual(taken));
});

describe("the console's own connection", () => {
  const live: Connection = { state: "live", heardMs: NOW, toldMs: NOW };
  const away: Connection = { state: "away", heardMs: NOW, since: at(-60), code: "database-unavailable" };
  const lost: Connection = { state: "lost", sinceMs: NOW };
  test.each<[string, Connection, ConnectionEvent, Connection]>([
    ["a first event makes it live", { state: "connecting" }, { kind: "heard", atMs: NOW }, live],
    ["14 s of silence do not matter", live, { kind: "tick", atMs: NOW + 14_000 }, live],
    [
      "16 s of silence since the last event mean a lost connection",
      live,
      { kind: "tick", atMs: NOW + 16_000 },
      lost,
    ],
    [
      "16 s with events about workers but without a status mean a silent database",
      { state: "live", heardMs: NOW + 15_000, toldMs: NOW },
      { kind: "tick", atMs: NOW + 16_000 },
      { state: "away", heardMs: NOW + 15_000, since: at(0), code: null },
    ],
    ["an error means a lost connection", live, { kind: "failed", atMs: NOW }, lost],
    ["a second error does not change its start", lost, { kind: "failed", atMs: NOW + 5_000 }, lost],
    [
      "silence while the database is unreachable means a lost connection",
      away,
      { kind: "tick", atMs: NOW + 16_000 },
      lost,
    ],
    [
      "the workers' report does not bring a database back",
      away,
      { kind: "heard", atMs: NOW + 3_000 },
      { ...away, heardMs: NOW + 3_000 } as Connection,
    ],
    ["a database that is back", away, { kind: "database-back", atMs: NOW }, live],
    [
      "before the first event there is no silence",
      { state: "connecting" },
      { kind: "tick", atMs: NOW },
      { state: "connecting" },
    ],
  ])("%s", (_, before, event, after) => expect(nextConnection(before, event)).toEqual(after));

  test("the delay between connection attempts grows to at most 15 s", () => {
    const most = (failures: number) => reconnectDelayMs(failures, () => 1);
    expect([0, 1, 2, 3, 4, 50].map(most)).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    expect(reconnectDelayMs(0, () => 0)).toBe(500);
  });
});

test.each([
  [0, "ArrowRight", 1],
  [4, "ArrowRight", 4],
  [0, "ArrowLeft", 0],
  [0, "ArrowDown", 3],
  [3, "ArrowDown", 3],
  [4, "ArrowUp", 1],
  [2, "Home", 0],
  [2, "End", 4],
  [2, "a", 2],
])("in five cells of three columns, %i and %s lead to %i", (from, key, to) =>
  expect(moveInGrid(from, key, 3, 5)).toBe(to),
);

test("the phases before the current phase are shown as done, but none if the current phase is unknown", () => {
  expect(stepsOf("transfer").map(({ state }) => state)).toEqual(["done", "done", "now", "next", "next"]);
  expect(new Set(stepsOf("of-a-newer-worker").map(({ state }) => state))).toEqual(new Set(["next"]));
});

test("an entry that two pages of the API contain is shown once, as the first page gives it", () => {
  const [a, b, old] = [
    { id: "1", at: 2 },
    { id: "2", at: 2 },
    { id: "1", at: 1 },
  ];
  expect(uniqueById([a!, b!, old!])).toEqual([a, b]);
});

describe("a maintenance run", () => {
  const of = (done: number, total: number) => progressText({ progress: { done, total, unit: "sectors" } });
  const heard = (seconds: number) =>
    coordinatorText({ coordinator: "a/1", coordinatorSeenAt: at(-seconds) }, NOW);
  test.each([
    [of(1_040, 5_200), "1,040 of 5,200 sectors (20 %)"],
    [of(0, 0), "0 of 0 sectors (100 %)"],
    [of(999, 1_000), "999 of 1,000 sectors (99 %)"],
    [progressText({ progress: null }), "no progress yet"],
    [heard(12), "a/1, heartbeat 12 s ago"],
    [heard(301), "a/1, last heartbeat 5 min 1 s ago; another process may take over"],
    [
      coordinatorText({ coordinator: null, coordinatorSeenAt: null }, NOW),
      "no process at the moment; serve and work --from-database look for unfinished runs once a minute",
    ],
    [subjectOf({ host: "ab".repeat(32), slabId: null }), "host ababab…abab"],
    [subjectOf({ host: null, slabId: "7" }), "slab 7"],
    [subjectOf({ host: null, slabId: null }), ""],
    [toneOfRun({ state: "done", hasFindings: true }), "warn"],
    [toneOfRun({ state: "done", hasFindings: false }), "good"],
    [toneOfRun({ state: "failed", hasFindings: false }), "danger"],
  ])("%s", (got, expected) => {
    expect(got).toBe(expected);
  });

  test("the console offers pause or resume, and cancel, for a running or paused run, and nothing in other states", () => {
    const states = ["running", "paused", "cancelling", "done", "cancelled", "failed"] as const;
    expect(Object.fromEntries(states.map((state) => [state, requestsFor(state)]))).toEqual({
      running: ["pause", "cancel"],
      paused: ["resume", "cancel"],
      cancelling: [],
      done: [],
      cancelled: [],
      failed: [],
    });
  });

  test("a run's statistics are shown with their names in words and readable values", () => {
    const counted = { passed: 1_200, wrongData: 3, unanswered: { timeout: 2, "no-route": 1 }, hastings: "0" };
    expect(statisticsOf({ ...counted, none: {}, soFar: null })).toEqual([
      ["passed", "1,200"],
      ["wrong data", "3"],
      ["unanswered", "2 timeout, 1 no-route"],
      ["paid", "0 SC"],
      ["none", "none"],
      ["so far", "unknown"],
    ]);
  });
});

test("the chosen indexer is shown, or the first if the chosen one does not exist; requests name the shown indexer", () => {
  expect(chooseIndexer(["main"], "old")).toBeUndefined();
  expect(chooseIndexer(["a", "b"], null)).toBe("a");
  expect(chooseIndexer(["a", "b"], "b")).toBe("b");
  expect(chooseIndexer(["a", "b"], "gone")).toBe("a");
  expect(pathOf("/slabs", undefined)).toBe("/slabs");
  expect(pathOf("/slabs", "main-eu")).toBe("/slabs?indexer=main-eu");
  expect(pathOf("/slabs?limit=5", "main-eu")).toBe("/slabs?limit=5&indexer=main-eu");
});
