import { describe, expect, test } from "vitest";
import {
  compareHostScores,
  FailureRate,
  type HostScore,
  weightOfHostScore,
} from "../../lib/hosts/host-score.ts";
import { ScoreBoard } from "../../lib/hosts/score-board.ts";
import type { HostKey } from "../../lib/slab/ids.ts";
import { createFakeClock } from "../support/fake-clock.ts";

const MIB = 1_048_576;
const [a, b] = ["aa".repeat(32) as HostKey, "bb".repeat(32) as HostKey];

describe("the failure rate", () => {
  test("the failure rate is a moving average, and halves with every minute that passes", () => {
    const rate = new FailureRate();
    expect(rate.at(0)).toBe(0);
    rate.add(false, 0);
    rate.add(true, 0);
    expect(rate.at(0)).toBeCloseTo(0.2);
    expect(rate.at(59_999)).toBeCloseTo(0.2);
    expect(rate.at(60_000)).toBeCloseTo(0.1);
    expect(rate.at(240_000)).toBeCloseTo(0.0125);
    expect(rate.at(300_000)).toBe(0);
  });

  test("the failure rate of a host that only failed is forgotten after seven minutes", () => {
    const rate = new FailureRate();
    rate.add(true, 0);
    expect(rate.at(0)).toBe(1);
    expect(rate.at(6 * 60_000)).toBeCloseTo(1 / 64);
    expect(rate.at(7 * 60_000)).toBe(0);
  });

  test("the failure rate decays before a new sample, and tolerates a clock set back", () => {
    const rate = new FailureRate();
    rate.add(true, 1_000_000);
    rate.add(false, 1_060_000);
    expect(rate.at(1_060_000)).toBeCloseTo(0.4);
    expect(rate.at(0)).toBeCloseTo(0.4);
  });
});

test("hosts are ordered by failure rate; of equal hosts, unmeasured ones come first, then the fastest per transfer in flight", () => {
  const score = (failureRate: number, bytesPerSecond?: number, inFlight = 0): HostScore => ({
    failureRate,
    bytesPerSecond,
    inFlight,
  });
  const inOrder = [
    score(0, undefined, 0),
    score(0, undefined, 2),
    score(0, 90 * MIB, 1),
    score(0, 40 * MIB, 0),
    score(0, 60 * MIB, 1),
    score(0.1, undefined),
    score(0.2, 500 * MIB),
  ];
  expect([...inOrder].reverse().sort(compareHostScores)).toEqual(inOrder);
});

test("a host's weight is at least 0.01, and rises with its speed to at most 4", () => {
  const usual = 10 * MIB;
  const weight = (failureRate: number, bytesPerSecond?: number, inFlight = 0) =>
    weightOfHostScore({ failureRate, bytesPerSecond, inFlight }, usual);
  expect(weight(0)).toBe(1);
  expect(weight(0, usual)).toBe(1);
  expect(weight(0, 1000 * usual)).toBe(4);
  expect(weight(1, 1000 * usual)).toBe(0.01);
  expect(weight(0, 0)).toBe(0.01);
  expect(weight(0.5, usual)).toBe(0.25);
  expect(weight(0, usual, 1)).toBe(0.5);
});

describe("the board", () => {
  test("the score board assumes indexd's defaults until it has measurements", () => {
    const board = new ScoreBoard(createFakeClock());
    expect(board.expectedMs("read", MIB)).toBe(1000);
    expect(board.expectedMs("write", 4 * MIB)).toBe(5000);
    expect(board.hedgeAfterMs("read", MIB)).toBe(1500);
  });

  test("the score board hedges after 1.5 times a transfer's expected time, but not before 200 ms or after 2 min", () => {
    const board = new ScoreBoard(createFakeClock());
    board.addSuccess(a, "read", MIB, 100);
    expect(board.hedgeAfterMs("read", 4 * MIB)).toBeCloseTo(600);
    expect(board.hedgeAfterMs("read", 64)).toBe(200);
    for (let i = 0; i < 100; i++) board.addSuccess(b, "read", MIB, 10_000_000);
    expect(board.hedgeAfterMs("read", 4 * MIB)).toBe(120_000);
  });

  test("a transfer below 64 KiB counts for its host's speed, but not for the network's rate", () => {
    const board = new ScoreBoard(createFakeClock());
    board.addSuccess(a, "read", 65_535, 1);
    expect(board.expectedMs("read", MIB)).toBe(1000);
    expect(board.score(a).bytesPerSecond).toBe(65_535_000);
    board.addSuccess(a, "read", 65_536, 1000);
    expect(board.expectedMs("read", 65_536)).toBe(1000);
  });

  test("a host's speed is the mean of its reads and writes", () => {
    const board = new ScoreBoard(createFakeClock());
    board.addSuccess(a, "read", 1000, 1000);
    expect(board.score(a).bytesPerSecond).toBe(1000);
    board.addSuccess(a, "write", 3000, 1000);
    expect(board.score(a).bytesPerSecond).toBe(2000);
    board.addSuccess(a, "read", 2000, 1000);
    expect(board.score(a).bytesPerSecond).toBe(2100);
  });

  test("a timeout counts as a failure and as low speed; a lie counts more than a failure", () => {
    const board = new ScoreBoard(createFakeClock());
    board.addTimeout(a, "write", 1000, 1000);
    expect(board.score(a)).toMatchObject({ failureRate: 1, bytesPerSecond: 1000 });
    board.addSuccess(b, "read", MIB, 0);
    expect(board.score(b)).toMatchObject({ failureRate: 0, bytesPerSecond: undefined });
    board.addLie(b);
    expect(board.score(b).failureRate).toBeGreaterThan(0.6);
  });

  test("consecutive timeouts at several hosts extend the time limit of later transfers", () => {
    const board = new ScoreBoard(createFakeClock());
    board.addSuccess(a, "read", MIB, 100);
    const before = board.expectedMs("read", MIB);
    for (const host of [a, b, a, b, a]) board.addTimeout(host, "read", MIB, 10_000);
    expect(board.expectedMs("read", MIB)).toBeGreaterThan(2 * before);
  });

  test("the score board counts a host's transfers in flight", () => {
    const board = new ScoreBoard(createFakeClock());
    const ended = [board.begin(a), board.begin(a)];
    expect(board.score(a).inFlight).toBe(2);
    for (const end of ended) end();
    expect(board.score(a).inFlight).toBe(0);
  });
});
