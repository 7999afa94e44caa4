import postgres from "postgres";
import { afterEach, describe, expect, test } from "vitest";
import { readHostScores, reportHostScores } from "../../../lib/database/fleet/host-scores.ts";
import { ScoreBoard } from "../../../lib/hosts/score-board.ts";
import type { HostSample, SharedHostScore } from "../../../lib/hosts/shared-score.ts";
import type { HostKey } from "../../../lib/slab/ids.ts";
import { useDatabase } from "../../support/database.ts";
import { createFakeClock } from "../../support/fake-clock.ts";

const MIB = 1_048_576;
const hostKey = (n: number): HostKey => n.toString(16).padStart(64, "0") as HostKey;
const sample = (n: number, rest: Partial<HostSample> = {}): HostSample => ({
  hostKey: hostKey(n),
  readBytes: 0,
  readMs: 0,
  writeBytes: 0,
  writeMs: 0,
  successes: 0,
  failures: 0,
  outOfFunds: false,
  full: false,
  stored: false,
  ...rest,
});
const known = (n: number, rest: Partial<SharedHostScore>): SharedHostScore => ({
  hostKey: hostKey(n),
  readRate: undefined,
  writeRate: undefined,
  failureRate: 0,
  outOfFunds: false,
  full: false,
  ...rest,
});

describe("the fleet's scores", () => {
  const database = useDatabase();
  const { sql } = database;
  afterEach(() => sql`truncate slabmend.host_scores`);

  test("the reports of several workers about a host add up to the host's score", async () => {
    await reportHostScores(sql, [
      sample(1, { readBytes: 4 * MIB, readMs: 1_000, successes: 3 }),
      sample(2, { failures: 4 }),
    ]);
    await reportHostScores(sql, [
      sample(1, { readBytes: 4 * MIB, readMs: 3_000, successes: 1, writeBytes: MIB, writeMs: 500 }),
    ]);
    const [one, two] = await readHostScores(sql);
    expect(one).toMatchObject({ hostKey: hostKey(1), failureRate: 0, outOfFunds: false, full: false });
    expect(one!.readRate! / (2 * MIB)).toBeCloseTo(1, 2);
    expect(one!.writeRate! / (2 * MIB)).toBeCloseTo(1, 2);
    expect(two!.readRate).toBeUndefined();
    expect(two!.failureRate).toBeCloseTo(0.5, 2);
  });

  test("old measurements halve in half an hour and vanish after a day; a jump of the clock leaves scores valid", async () => {
    await reportHostScores(sql, [
      sample(1, { readBytes: MIB, readMs: 1_000, failures: 4, outOfFunds: true, full: true }),
    ]);
    const age = (
      interval: string,
    ) => sql`update slabmend.host_scores set faded_at = faded_at - ${interval}::interval,
      out_of_funds_at = out_of_funds_at - ${interval}::interval, full_at = full_at - ${interval}::interval`;
    expect((await readHostScores(sql))[0]).toMatchObject({ outOfFunds: true, full: true });
    await age("30 minutes");
    expect((await readHostScores(sql))[0]!.failureRate).toBeCloseTo(2 / 6, 2);
    expect((await readHostScores(sql))[0]).toMatchObject({ outOfFunds: false, full: false });
    await age("1 day");
    expect((await readHostScores(sql))[0]).toMatchObject({ readRate: undefined, full: false });
    expect((await readHostScores(sql))[0]!.failureRate).toBeLessThan(1e-9);
    await age("-2 days");
    expect((await readHostScores(sql))[0]!.failureRate).toBeCloseTo(0.5, 2);
    await age("100 years");
    expect((await readHostScores(sql))[0]!.failureRate).toBeLessThan(1e-300);
  });

  test("after years of reports a score without new measurements fades to zero without an error", async () => {
    const later = (minutes: number) =>
      sql`update slabmend.host_scores set faded_at = faded_at - make_interval(mins => ${minutes}::integer)`;
    // Host 1 failed once, stored one sector and served one read, long ago. Later reports on host 1 say only that it
    // answers; host 2 is never reported again.
    await reportHostScores(sql, [
      sample(1, { readBytes: MIB, readMs: 900, writeBytes: MIB, writeMs: 700, failures: 1 }),
      sample(2, { readBytes: 4 * MIB, readMs: 100, failures: 3, successes: 1 }),
    ]);
    const pauses = [...Array<number>(40).fill(30), ...Array<number[]>(60).fill([180, 1_440, 43_200]).flat()];
    for (const minutes of pauses) {
      await later(minutes);
      expect(await reportHostScores(sql, [sample(1, { successes: 1 })])).toBe(1);
    }
    expect(await readHostScores(sql)).toMatchObject([
      { readRate: undefined, writeRate: undefined, failureRate: 0 },
      { readRate: undefined, writeRate: undefined, failureRate: 0 },
    ]);
    // A later measurement still counts fully.
    await reportHostScores(sql, [sample(1, { readBytes: 2 * MIB, readMs: 1_000, failures: 5 })]);
    const [one] = await readHostScores(sql);
    expect(one!.readRate! / (2 * MIB)).toBeCloseTo(1, 6);
    expect(one!.failureRate).toBeCloseTo(0.5, 2);
  });

  test("two hours after a host's rate has changed, the new rate makes up nine tenths of the host's score", async () => {
    const reportMiBPerSecond = async (rate: number, halfHours: number) => {
      for (let n = 0; n < halfHours; n++) {
        await sql`update slabmend.host_scores set faded_at = faded_at - interval '30 minutes'`;
        await reportHostScores(sql, [sample(1, { readBytes: 4 * MIB, readMs: 4_000 / rate })]);
      }
      return (await readHostScores(sql))[0]!.readRate! / MIB;
    };
    expect(await reportMiBPerSecond(8, 20)).toBeCloseTo(8, 3);
    // After one report of 1 MiB/s the old rate of 8 MiB/s still has half of the weight, after four such reports a
    // sixteenth. If the old rate's weight is `share`, the score is 1 / (share / 8 + (1 - share) / 1) MiB/s.
    expect(await reportMiBPerSecond(1, 1)).toBeCloseTo(1.78, 1);
    expect(await reportMiBPerSecond(1, 3)).toBeCloseTo(1.06, 1);
  });

  test("storing a sector clears a host's flag 'full', and any answer clears its flag 'out of funds'", async () => {
    await reportHostScores(sql, [sample(1, { full: true, outOfFunds: true })]);
    await reportHostScores(sql, [sample(1, { failures: 1 })]);
    expect((await readHostScores(sql))[0]).toMatchObject({ full: true, outOfFunds: true });
    await reportHostScores(sql, [sample(1, { successes: 1 })]);
    expect((await readHostScores(sql))[0]).toMatchObject({ full: true, outOfFunds: false });
    await reportHostScores(sql, [sample(1, { successes: 1, stored: true })]);
    expect((await readHostScores(sql))[0]).toMatchObject({ full: false, outOfFunds: false });
  });

  test("a report of scores does not wait: it skips hosts locked by another writer", async () => {
    await reportHostScores(sql, [sample(1, { successes: 1 }), sample(2, { successes: 1 })]);
    const other = postgres(database.url, { max: 1, onnotice: () => {} });
    await other.begin(async (tx) => {
      await tx`select from slabmend.host_scores where host_key = ${Buffer.from(hostKey(1), "hex")} for update`;
      expect(
        await reportHostScores(sql, [
          sample(1, { failures: 1 }),
          sample(2, { failures: 1 }),
          sample(3, { failures: 1 }),
        ]),
      ).toBe(2);
    });
    await other.end();
    // Many simultaneous reports may lose samples, but do not fail.
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        reportHostScores(sql, [sample(n % 3, { successes: 1 }), sample(9, { successes: 1 })]),
      ),
    );
    expect(await readHostScores(sql)).toHaveLength(5);
  });

  test("a report of scores ignores invalid values and may be empty", async () => {
    expect(await reportHostScores(sql, [])).toBe(0);
    expect(
      await reportHostScores(sql, [
        sample(1, { readMs: -1 }),
        sample(2, { failures: Number.NaN }),
        sample(3, { readBytes: Number.POSITIVE_INFINITY }),
        sample(4, { readBytes: Number.MAX_VALUE, readMs: 1 }),
      ]),
    ).toBe(0);
    // A worker of another release, which does not limit values, might write such a row. Readers must still work.
    await sql`insert into slabmend.host_scores (host_key, read_bytes, read_ms, failures, faded_at)
      values (${Buffer.from(hostKey(5), "hex")}, 1e308, 5e-324, 5e-324, clock_timestamp() - interval '1 day')`;
    expect(await readHostScores(sql)).toMatchObject([{ failureRate: 0, readRate: undefined }]);
  });
});

test("a score board reports each measurement once, and starts from the scores of the fleet", () => {
  const clock = createFakeClock();
  const board = new ScoreBoard(clock);
  board.addSuccess(hostKey(1), "read", MIB, 500);
  board.addFailure(hostKey(2));
  board.addOutOfFunds(hostKey(3));
  board.addFull(hostKey(4));
  expect(board.takeSamples()).toEqual([
    sample(1, { readBytes: MIB, readMs: 500, successes: 1 }),
    sample(2, { failures: 1 }),
    sample(3, { outOfFunds: true }),
    sample(4, { full: true }),
  ]);
  expect(board.takeSamples()).toEqual([]);
  const cold = new ScoreBoard(clock);
  cold.addSuccess(hostKey(1), "read", MIB, 1_000);
  cold.startFrom([
    known(1, { readRate: 100 * MIB, failureRate: 1 }),
    known(2, { readRate: MIB, failureRate: 0.5 }),
    known(3, { readRate: MIB, outOfFunds: true }),
    known(4, { readRate: MIB, full: true }),
    known(5, { readRate: MIB }),
  ]);
  // The fleet's scores do not replace the board's own measurements.
  expect(cold.score(hostKey(1))).toMatchObject({ failureRate: 0, bytesPerSecond: MIB });
  const weights = [5, 2, 3].map((n) => cold.weight(hostKey(n)));
  expect(weights).toEqual(weights.toSorted((a, b) => b - a));
  expect(cold.weight(hostKey(4))).toBe(cold.weight(hostKey(5)));
  expect([4, 5].map((n) => cold.isFull(hostKey(n)))).toEqual([true, false]);
});

test("time, a success, or newer fleet scores end a host's flags 'full' and 'out of funds'", () => {
  const clock = createFakeClock();
  const board = new ScoreBoard(clock);
  const [host, other] = [hostKey(1), hostKey(2)];
  const minutes = (n: number) => clock.advance(n * 60_000);
  board.addSuccess(other, "write", 4 * MIB, 1_000);
  const isFull = () => board.isFull(host);
  const isDry = () => board.weight(host) < board.weight(other) / 10;

  board.addFull(host);
  board.addOutOfFunds(host);
  expect([isFull(), isDry()]).toEqual([true, true]);
  minutes(3);
  expect([isFull(), isDry()]).toEqual([true, false]);
  minutes(58);
  expect(isFull()).toBe(false);

  // A stored sector proves that the host is neither full nor out of funds. The fleet's scores are older than this
  // measurement, so they do not set the flags again.
  board.addFull(host);
  board.addOutOfFunds(host);
  board.addSuccess(host, "read", MIB, 1_000);
  expect([isFull(), isDry()]).toEqual([true, false]);
  board.addSuccess(host, "write", MIB, 1_000);
  board.startFrom([known(1, { full: true, outOfFunds: true })]);
  expect([isFull(), isDry()]).toEqual([false, false]);
  expect(board.takeSamples().find(({ hostKey }) => hostKey === host)).toMatchObject({
    full: false,
    outOfFunds: false,
    stored: true,
  });

  // After the board's report the fleet's scores are newer than the board's measurements, so they set and clear the
  // flags.
  board.startFrom([known(1, { full: true, outOfFunds: true })]);
  expect([isFull(), isDry()]).toEqual([true, true]);
  board.startFrom([known(1, {})]);
  expect([isFull(), isDry()]).toEqual([false, false]);

  // If the clock is set back, the flag "full" does not last longer: it is cleared.
  board.addFull(host);
  clock.advance(-24 * 3_600_000);
  expect(isFull()).toBe(false);
});

test("new fleet scores replace old ones for hosts that the worker has not used", () => {
  const board = new ScoreBoard(createFakeClock());
  board.startFrom([known(1, { readRate: 100 * MIB, failureRate: 0.8 })]);
  board.startFrom([known(1, { readRate: MIB, failureRate: 0.1 })]);
  expect(board.score(hostKey(1))).toMatchObject({ bytesPerSecond: MIB, failureRate: 0.1 });
  board.startFrom([known(1, {})]);
  expect(board.score(hostKey(1))).toMatchObject({ bytesPerSecond: undefined, failureRate: 0 });
});

test("the usual rate does not depend on the order of the hosts", () => {
  const rates = [...Array<number>(40).fill(10 * MIB), ...Array<number>(20).fill(MIB / 10)];
  const scores = rates.map((readRate, n) => known(n, { readRate }));
  for (const order of [scores, scores.toReversed()]) {
    const board = new ScoreBoard(createFakeClock());
    board.startFrom(order);
    expect(board.expectedMs("read", 10 * MIB)).toBe(1_000);
    // The board's own first measurement, 5 MiB/s, moves the usual rate a fifth of the way from 10 to 5 MiB/s: to 9
    // MiB/s.
    board.addSuccess(hostKey(1), "read", 5 * MIB, 1_000);
    expect(board.expectedMs("read", 9 * MIB)).toBe(1_000);
  }
});

test("a host's speed is compared with the fleet's median", () => {
  const rates = [MIB, 2 * MIB, 64 * MIB];
  const board = new ScoreBoard(createFakeClock());
  board.startFrom(rates.map((rate, n) => known(n, { readRate: rate, writeRate: rate })));
  for (let n = 0; n < 20; n++) board.addSuccess(hostKey(9), "read", 64 * MIB, 1_000);
  expect([0, 1, 2].map((n) => board.weight(hostKey(n)))).toEqual([0.5, 1, 4]);
  // If the fleet has no scores, the board keeps its own measurements.
  board.startFrom([]);
  expect(board.weight(hostKey(9))).toBeLessThan(4);
});
