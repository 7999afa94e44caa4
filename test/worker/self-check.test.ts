/** Rule 13 of docs/architecture.md: a worker that is itself at fault stops with a reason. */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { systemClock } from "../../lib/clock/clock.ts";
import { readOthers } from "../../lib/database/reports/read-others.ts";
import type { SlabId } from "../../lib/slab/ids.ts";
import { judgeAmongOthers, SelfCheck } from "../../lib/worker/self-check.ts";
import { WorkerPool } from "../../lib/worker/worker-pool.ts";
import { repairSuite } from "../support/repair-suite.ts";

const suite = repairSuite({ hosts: 6 });

const id = (n: number): SlabId => BigInt(n) as SlabId;
const ids = (count: number): SlabId[] => Array.from({ length: count }, (_, n) => id(n + 1));
const failure = (kind: string, ourFault?: string) =>
  ({ kind, ourFault, copied: 0, rebuilt: 0, found: 0 }) as never;
const success = { kind: "partial-refused", copied: 0, rebuilt: 1, found: 0 } as never;

test("a worker stops after five consecutive faults of its own, or at once with a wrong clock", () => {
  const check = new SelfCheck();
  const note = (result: never) => check.note(id(1), result, 0);
  for (const _ of [1, 2, 3, 4]) expect(note(failure("fault", "no-host-answered"))).toBeUndefined();
  expect(note(success)).toBeUndefined();
  for (const _ of [1, 2, 3, 4]) expect(note(failure("fault", "host-refused"))).toBeUndefined();
  expect(note({ kind: "stale", why: "leased-again" } as never)).toBeUndefined();
  expect(note(failure("fault", "no-host-answered"))).toBe(
    "5 repairs in a row failed through a fault of this machine: host-refused, no-host-answered",
  );
  expect(new SelfCheck().note(id(1), failure("fault", "clock-off"), 0)).toContain("clock");
});

test("in a run of failures each slab counts once, and a repair that moves a sector ends the run", () => {
  const check = new SelfCheck();
  for (const n of [1, 2, 3, 4, 4, 4]) check.note(id(n), failure("too-few-sources"), n * 1_000);
  expect(check.failureRun(9_000)).toBeUndefined();
  check.note(id(5), failure("healthy"), 5_000);
  check.note(id(6), { kind: "stale", why: "reaped" } as never, 6_000);
  expect(check.failureRun(9_000)).toBeUndefined();
  check.note(id(7), failure("underfunded"), 7_000);
  expect(check.failureRun(9_000)).toEqual({ slabs: [1, 2, 3, 4, 7].map(id), sinceMs: 8_000 });
  check.note(id(8), success, 8_000);
  expect(check.failureRun(9_000)).toBeUndefined();
});

test.each([
  { says: "others never fail", own: 5, others: [20, 0], isUnfit: true },
  { says: "others never fail, but there are few of them", own: 5, others: [5, 0], isUnfit: false },
  { says: "the same for longer", own: 8, others: [5, 0], isUnfit: true },
  { says: "too few failures of its own", own: 4, others: [200, 0], isUnfit: false },
  { says: "alone", own: 50, others: [0, 0], isUnfit: false },
  { says: "hardly any others", own: 50, others: [4, 0], isUnfit: false },
  { says: "a tenth of the others' repairs fail", own: 5, others: [100, 10], isUnfit: false },
  { says: "a tenth of the others' repairs fail, for longer", own: 7, others: [100, 10], isUnfit: true },
  { says: "half of the others' repairs fail", own: 15, others: [100, 50], isUnfit: false },
  { says: "all fail", own: 50, others: [100, 100], isUnfit: false },
  { says: "others failed at the same slabs", own: 9, others: [100, 0], alsoFailed: 5, isUnfit: false },
  { says: "others failed at some of the slabs", own: 9, others: [100, 0], alsoFailed: 4, isUnfit: true },
] as const)(
  "whether a worker fails where others succeed: $says",
  ({ own, others: [ended, failed], isUnfit, ...row }) => {
    const alsoFailed = ids("alsoFailed" in row ? row.alsoFailed : 0);
    const reason = judgeAmongOthers({ slabs: ids(own), sinceMs: 60_000 }, { ended, failed, alsoFailed });
    expect(reason !== undefined).toBe(isUnfit);
    if (isUnfit) {
      expect(reason).toContain(`its repairs of ${own - alsoFailed.length} slabs failed`);
      expect(reason).toContain(`of ${ended - failed} of ${ended} slabs`);
    }
  },
);

/** Inserts a journal row of a repair that ended this many minutes ago. */
async function ended(slab: number | SlabId, worker: string, outcome: string, minutesAgo = 0): Promise<void> {
  const moves = outcome === "repaired" ? [{ index: 0 }] : [];
  await suite.world.database.sql`
    insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, moves, worker, leased_at, began_at, finished_at)
    select ${randomUUID()}, ${String(slab)}, decode(repeat('00', 32), 'hex'), ${outcome}, ${outcome},
      ${JSON.stringify(moves)}::text::jsonb, ${worker}, t, t, t
    from (select now() - make_interval(mins => ${minutesAgo}::integer) as t) t`;
}

test("repairs that other workers made since a run of failures began are counted once per slab", async () => {
  const { sql } = suite.world.database;
  await sql`delete from slabmend.journal`;
  for (const n of [101, 102, 103]) await ended(n, "worker-2-b/x", "repaired", 1);
  await ended(104, "aws-request/message", "too-few-sources", 1);
  // The repair of this slab failed, and then another worker repaired the slab.
  await ended(105, "worker-3-c/x", "fault", 2);
  await ended(105, "worker-2-b/y", "repaired", 1);
  await ended(106, "worker-2-b/z", "healthy", 1);
  await ended(107, "worker-2-b/z", "repaired", 90);
  for (const n of [1, 2, 3, 4]) await ended(n, "worker-1-a/x", "fault", 1);
  await ended(1, "worker-2-b/x", "too-few-sources", 300);
  await ended(2, "worker-2-b/x", "too-few-sources", 300);
  await ended(2, "worker-2-b/y", "repaired", 200);
  await ended(3, "worker-2-b/y", "too-few-sources", 2_000);
  const question = { worker: "worker-1-a", slabs: [1, 2, 3, 4].map(id), sinceMs: 30 * 60_000 };
  expect(await readOthers(sql, question)).toEqual({ ended: 6, failed: 1, alsoFailed: [id(1)] });
  expect(await readOthers(sql, { ...question, slabs: [] })).toMatchObject({ alsoFailed: [] });
  await sql`delete from slabmend.journal`;
});

test("a worker with a wrong seed ends as unfit, because others repair slabs that it cannot pay for", {
  timeout: 120_000,
}, async () => {
  const { world } = suite;
  await world.database.sql`delete from slabmend.journal`;
  const unfit = Promise.withResolvers<string>();
  const pool = new WorkerPool({
    size: 1,
    environment: { ...process.env, ...world.variables, SLABMEND_MIGRATION_SEED: "17".repeat(32) },
    timeoutMs: 60_000,
    clock: systemClock,
    onUnfit: unfit.resolve,
  });
  try {
    for (let n = 0; n < 5; n += 1) {
      const slab = await world.storeSlab({ minShards: 1, totalShards: 2 });
      await world.loseSector(slab, 0);
      expect(pool.free).toBe(1);
      expect(await pool.run(await world.lease(slab))).toEqual({ kind: "ended", outcome: "underfunded" });
      // Other workers succeed meanwhile.
      for (let m = 0; m < 5; m += 1) await ended(1_000 + 5 * n + m, "another/x", "repaired");
    }
    const tooLate = new Promise<string>((resolve) => setTimeout(resolve, 60_000, "nothing"));
    expect(await Promise.race([unfit.promise, tooLate])).toMatch(
      /^its repairs of 5 slabs failed in a row, while other workers moved sectors of (\d+) of \1 slabs$/,
    );
    expect(pool.free).toBe(0);
  } finally {
    await pool.stop();
  }
});
