import { beforeEach, expect, test } from "vitest";
import { checkBudget } from "../../../lib/database/fleet/budget.ts";
import { followTotals } from "../../../lib/database/journal/follow-totals.ts";
import { forgetFollower, joinJournal, readFollowers } from "../../../lib/database/journal/followers.ts";
import { forgetJournal } from "../../../lib/database/journal/forget-journal.ts";
import { sequenceJournal } from "../../../lib/database/journal/sequence-journal.ts";
import { readStatus } from "../../../lib/database/reports/read-status.ts";
import { useDatabase } from "../../support/database.ts";
import { hex32, seedJournal } from "./journal-rows.ts";

const { sql } = useDatabase({ clearAfterEach: true });
beforeEach(() => followTotals(sql));

const [A, B, root] = [hex32(), hex32(), hex32()];
const ROWS = [
  {
    moves: [
      { index: 0, root, from: A, to: B, how: "copied" },
      { index: 1, root, from: null, to: B, how: "rebuilt" },
    ],
    lost: [{ root, host: A }],
    hastings: 7n,
  },
  { outcome: "fault", error: "clock-off", dropped: [{ index: 2, why: "host-blocked" }], hastings: 2n },
  { outcome: "fault", error: "clock-off", hastings: 10n ** 40n },
] as const;

test("the journal is added up by outcome, cause and host", async () => {
  await seedJournal(sql, ROWS);
  await sequenceJournal(sql);
  expect(await followTotals(sql)).toBe(3);
  expect(await followTotals(sql)).toBe(0);
  const totals = await sql`
    select dimension, name, jobs::integer, moving_jobs::integer as moving, sectors_copied::integer as copied,
      sectors_rebuilt::integer as rebuilt, sectors_left::integer as gone, sectors_lost::integer as lost,
      sectors_dropped::integer as dropped, bytes_read::integer as read, hastings::text
    from slabmend.totals order by dimension, name collate "C"`;
  const none = { moving: 0, copied: 0, rebuilt: 0, gone: 0, lost: 0, dropped: 0, read: 0, hastings: "0" };
  const huge = String(10n ** 40n + 2n);
  const hosts = [
    { ...none, dimension: "host", name: A, jobs: 1, moving: 1, gone: 1, lost: 1 },
    { ...none, dimension: "host", name: B, jobs: 1, moving: 1, copied: 1, rebuilt: 1 },
  ].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  expect([...totals]).toEqual([
    { ...none, dimension: "cause", name: "clock-off", jobs: 2, read: 2_000, dropped: 1, hastings: huge },
    { ...none, dimension: "cause", name: "host-blocked", jobs: 1, dropped: 1 },
    ...hosts,
    { ...none, dimension: "outcome", name: "fault", jobs: 2, read: 2_000, dropped: 1, hastings: huge },
    {
      ...none,
      dimension: "outcome",
      name: "repaired",
      jobs: 1,
      moving: 1,
      copied: 1,
      rebuilt: 1,
      gone: 1,
      lost: 1,
      read: 1_000,
      hastings: "7",
    },
  ]);
});

test("budget and status count each journal row once, whether or not the totals contain it yet", async () => {
  const expected = {
    repairs: 3,
    sectorsCopied: 1,
    sectorsRebuilt: 1,
    bytesRead: 3_000,
    hastings: 10n ** 40n + 9n,
    workerSeconds: 30,
  };
  const look = async () => {
    await checkBudget(sql, { hastings: 1n, repairs: 100n });
    const [{ spent }] = (await sql`select spent from slabmend.budget`) as unknown as [{ spent: object }];
    return { today: (await readStatus(sql, { dangerAbove: 1e-3 })).today, spent };
  };
  const seen = {
    today: expected,
    spent: { hastings: String(10n ** 40n + 9n), bytesRead: "3000", repairs: 1 },
  };
  await seedJournal(sql, ROWS.slice(0, 1));
  await sequenceJournal(sql);
  await followTotals(sql);
  await seedJournal(sql, ROWS.slice(1, 2));
  await sequenceJournal(sql);
  // The first row is in the totals. The second has a position, but is not in the totals yet. The third has no position
  // yet.
  await seedJournal(sql, ROWS.slice(2));
  expect(await look()).toMatchObject(seen);
  await sequenceJournal(sql);
  expect(await look()).toMatchObject(seen);
  await followTotals(sql);
  expect(await look()).toMatchObject(seen);
  // Budget and status stay the same even without followers and totals.
  await sql`delete from slabmend.followers`;
  await sql`delete from slabmend.totals`;
  expect(await look()).toMatchObject(seen);
});

test("totals of yesterday do not count for today", async () => {
  await seedJournal(sql, [{ ageSeconds: 86_400 }]);
  expect((await readStatus(sql, { dangerAbove: 1e-3 })).today.repairs).toBe(0);
  await sequenceJournal(sql);
  await followTotals(sql);
  expect((await readStatus(sql, { dangerAbove: 1e-3 })).today.repairs).toBe(0);
});

test("old journal rows stay until every follower has processed them; a new follower begins with the oldest", async () => {
  const day = 86_400;
  await seedJournal(sql, [{ ageSeconds: 95 * day, moves: ROWS[0].moves }, { ageSeconds: 95 * day }, {}]);
  await sequenceJournal(sql);
  const archive = await joinJournal(sql, "archive /x");
  const keep = 90 * day * 1_000;
  expect(await forgetJournal(sql, keep)).toBe(0);
  await followTotals(sql);
  expect(await forgetJournal(sql, keep)).toBe(0);
  await sql`update slabmend.followers set position = position + 1 where name = 'archive /x'`;
  expect(await forgetJournal(sql, keep)).toBe(1);
  expect(await joinJournal(sql, "archive /y")).toEqual({
    position: archive.position + 1,
    segment: undefined,
  });
  expect(await joinJournal(sql, "archive /x")).toEqual({
    position: archive.position + 1,
    segment: undefined,
  });
  const states = await readFollowers(sql);
  expect(states.map(({ name, rowsBehind }) => ({ name, rowsBehind }))).toEqual([
    { name: "archive /x", rowsBehind: 2 },
    { name: "archive /y", rowsBehind: 2 },
    { name: "totals", rowsBehind: 0 },
  ]);
  expect(states[0]!.behindSeconds).toBeGreaterThan(94 * day);
  expect(states[2]!.behindSeconds).toBeUndefined();
  // A removed follower no longer retains rows; the follower `totals` cannot be removed.
  expect([await forgetFollower(sql, "archive /y"), await forgetFollower(sql, "archive /y")]).toEqual([
    true,
    false,
  ]);
  expect(await forgetFollower(sql, "totals")).toBe(false);
  expect((await readFollowers(sql)).map(({ name }) => name)).toEqual(["archive /x", "totals"]);
  // Old hourly totals of hosts are removed too, but the totals of outcomes stay.
  await forgetJournal(sql, keep);
  expect([
    ...(await sql`select dimension, sum(jobs)::integer as jobs from slabmend.totals group by 1`),
  ]).toEqual([{ dimension: "outcome", jobs: 3 }]);
});
