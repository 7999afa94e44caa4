/**
 * The rules that the demo checks by observation. These tests violate each rule, because a successful demo violates
 * none.
 */
import { describe, expect, it, test } from "vitest";
import { type PlantedLoss, type RecordedLosses, unplantedLosses } from "../../../dev/demo/check-losses.ts";
import { strangeMessages } from "../../../dev/demo/check-messages.ts";
import { type RecordedMove, unneededMoves } from "../../../dev/demo/check-moves.ts";
import { FLEET_LIMITS, type SessionSample, sessionViolations } from "../../../dev/demo/check-sessions.ts";
import { encodeRepairMessage } from "../../../lib/queue/repair-message.ts";
import {
  type HostId,
  parseLeaseToken,
  parseRoot,
  parseSlabDigest,
  parseSlabId,
  type Root,
} from "../../../lib/slab/ids.ts";

const root = (n: number): Root => parseRoot(n.toString(16).padStart(64, "0"));
const host = (n: number): HostId => n as HostId;

describe("rule 6: only sectors that a host has lost are recorded as lost", () => {
  const planted: readonly PlantedLoss[] = [
    { root: root(1), hostId: host(1), noticed: false },
    { root: root(2), hostId: host(2), noticed: true },
  ];
  const nothing: RecordedLosses = {
    journalled: [],
    denied: [],
    movedFromNowhere: [],
    now: [],
    counted: [{ hostId: host(2), sectors: 1 }],
  };
  const lost = (n: number, on: number): RecordedLosses => ({
    ...nothing,
    journalled: [{ root: root(n), hostId: host(on) }],
  });

  it.each<[string, RecordedLosses, RegExp | undefined]>([
    ["nothing recorded", nothing, undefined],
    ["an unnoticed loss reported by its host", lost(1, 1), undefined],
    [
      "caused losses, moved and not moved",
      { ...nothing, movedFromNowhere: [root(1), root(2)], now: [root(2)] },
      undefined,
    ],
    [
      "a denial by the host that lost the sector",
      { ...nothing, denied: [{ root: root(1), hostId: host(1) }] },
      undefined,
    ],
    [
      "a denial by a host that has the sector",
      { ...nothing, denied: [{ root: root(3), hostId: host(1) }] },
      /a denial of sector 0+3 by host 1 is recorded, but the host has it$/,
    ],
    ["a sector that its host has", lost(3, 1), /3 was recorded as lost on host 1, which has it$/],
    ["on another host", lost(1, 2), /recorded as lost on host 2, but host 1 lost it$/],
    ["a second loss of a sector that indexd knew of", lost(2, 2), /where indexd no longer located it$/],
    [
      "a readable sector without host",
      { ...nothing, now: [root(4)] },
      /^sector 0+4 is lost, but no host lost it$/,
    ],
    [
      "a readable sector moved as lost",
      { ...nothing, movedFromNowhere: [root(5)] },
      /^sector 0+5 was moved as lost, but no host lost it$/,
    ],
  ])("%s", (_, recorded, message) => {
    const found = unplantedLosses(planted, recorded);
    expect(found).toEqual(message === undefined ? [] : [expect.stringMatching(message)]);
  });
});

test("rule 6: a temporarily forgetful host may deny any sector, but no sector may be recorded or counted as lost", () => {
  const forgetful = new Set([host(9)]);
  const locations = [1, 2].map((n) => ({ root: root(n), hostId: host(9) }));
  const recorded: RecordedLosses = {
    journalled: [],
    denied: locations,
    movedFromNowhere: [],
    now: [],
    counted: [],
  };
  expect(unplantedLosses([], recorded, forgetful)).toEqual([]);
  const lost = { ...recorded, journalled: locations.slice(0, 1), counted: [{ hostId: host(9), sectors: 1 }] };
  expect(unplantedLosses([], lost, forgetful)).toEqual([
    "sectors that host 9 forgot for a while were recorded as lost: 1",
    "sectors that host 9 forgot for a while are counted as lost: 1",
  ]);
});

describe("rule 3: a sector moves only from a host that it must leave", () => {
  const left = new Set([host(1)]);
  it.each<[string, RecordedMove, RegExp | undefined]>([
    [
      "moves from a dead, blocked or draining host",
      { root: root(1), from: host(1), denied: false },
      undefined,
    ],
    [
      "a move from a good host that denied the sector",
      { root: root(1), from: host(2), denied: true },
      undefined,
    ],
    [
      "a move from a good host",
      { root: root(1), from: host(2), denied: false },
      /^sector 0+1 was moved off host 2/,
    ],
  ])("%s", (_, move, message) => {
    const found = unneededMoves([move], left);
    expect(found).toEqual(message === undefined ? [] : [expect.stringMatching(message)]);
  });
});

describe("rule 9: messages contain only ids and the token", () => {
  const digest = "ab".repeat(32);
  const key = "cd".repeat(32);
  const right = JSON.parse(
    encodeRepairMessage(
      {
        slabId: parseSlabId("7"),
        digest: parseSlabDigest(digest),
        token: parseLeaseToken("01234567-89ab-4def-8123-456789abcdef"),
      },
      "default",
    ),
  ) as Record<string, unknown>;
  const digests = new Map([["7", digest]]);

  it.each<[string, string, string | undefined]>([
    ["the messages of claim and reap", JSON.stringify(right), undefined],
    ["a message of another release", JSON.stringify({ ...right, v: 2 }), undefined],
    ["an additional address", JSON.stringify({ ...right, address: "host:9984" }), "1 fields other than ids"],
    [
      "a key in the place of the digest",
      JSON.stringify({ ...right, digest: key }),
      "a digest of another slab",
    ],
    [
      "a key in the place of the token",
      JSON.stringify({ ...right, token: key }),
      "a token that is not a UUID",
    ],
    ["a version that contains a key", JSON.stringify({ ...right, v: key }), "a version that is not a number"],
    [
      "an indexer's name that contains a key",
      JSON.stringify({ ...right, indexer: key }),
      "a kind or an indexer",
    ],
    [
      "an id with extra text",
      JSON.stringify({ ...right, slabId: "7 or 8" }),
      "an id that no stored slab has",
    ],
    [
      "a slab that does not exist",
      JSON.stringify({ ...right, slabId: "8" }),
      "an id that no stored slab has",
    ],
    ["no JSON", key, "a body that is not JSON"],
    ["no object", JSON.stringify([right]), "no object"],
  ])("%s", (_, body, what) => {
    const found = strangeMessages([body], digests);
    expect(found).toEqual(what === undefined ? [] : [expect.stringMatching(`^message 1 of 1 holds ${what}`)]);
    expect(found.join()).not.toContain(key);
  });
});

describe("rules 8, 11 and 12: the fleet's sessions in the server's views", () => {
  const limits = { ...FLEET_LIMITS, connections: 7 };
  const quiet: SessionSample = {
    sessions: [],
    strangers: [],
    running: 0,
    left: 0,
    strongLocks: [],
    kept: [],
  };
  const session = (state: string, forMs: number, running = 1, left = 0): SessionSample => ({
    ...quiet,
    running,
    left,
    sessions: [{ application: "slabmend-repair", state, forMs, clientPort: 1 }],
  });

  it.each<[string, SessionSample[], string[]]>([
    ["nothing", [quiet], []],
    ["a short transaction", [session("idle in transaction", 4_900), session("active", 14_000)], []],
    ["a connection that was just used", [session("idle", 1_500)], []],
    [
      "a transaction left open",
      [session("idle in transaction", 6_000), session("idle in transaction (aborted)", 7_000)],
      [
        "rule 11 is violated: slabmend-repair was idle in transaction for 6.0 s",
        "rule 11 is violated: slabmend-repair was idle in transaction (aborted) for 7.0 s",
      ],
    ],
    [
      "an endless statement, the longest look at it",
      [session("active", 16_000), session("active", 17_000), session("active", 10)],
      ["rule 11 is violated: slabmend-repair was active for 17.0 s"],
    ],
    [
      "a connection kept through a transfer",
      [session("idle", 8_000)],
      ["rule 12 is violated: slabmend-repair was idle for 8.0 s"],
    ],
    [
      "more connections than functions",
      [session("active", 1, 0)],
      ["rule 12 is violated: 1 connections of the fleet while 0 functions ran"],
    ],
    ["a connection whose client has left", [session("active", 1, 0, 1)], []],
    [
      "indexd waiting",
      [
        { ...quiet, kept: [{ application: "indexd", forMs: 5_400 }] },
        { ...quiet, kept: [{ application: "indexd", forMs: 6_000 }] },
      ],
      ["rule 11 is violated: indexd waited 6.0 s for a lock of the fleet"],
    ],
    [
      "functions with the owner's URL",
      [
        { ...quiet, strangers: ["slabmend-claim"] },
        { ...quiet, strangers: ["slabmend-claim", "slabmend-repair"] },
      ],
      [
        "slabmend-claim used a role other than the fleet's",
        "slabmend-repair used a role other than the fleet's",
      ],
    ],
    [
      "a table locked",
      [{ ...quiet, strongLocks: [{ table: "hosts", mode: "ShareLock" }] }],
      ["rule 8 is violated: the fleet held ShareLock on hosts"],
    ],
  ])("%s", (_, samples, violations) => {
    expect(sessionViolations(samples, limits)).toEqual(violations);
  });

  test("a role without a connection limit violates rule 12", () => {
    expect(sessionViolations([], { ...limits, connections: -1 })).toEqual([
      "rule 12 is violated: the fleet's role has no connection limit",
    ]);
  });
});
