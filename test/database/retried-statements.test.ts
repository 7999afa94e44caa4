import { beforeAll, beforeEach, expect, test } from "vitest";
import { forgetFineSlabs } from "../../lib/database/backlog/forget-fine-slabs.ts";
import { readWalks } from "../../lib/database/backlog/record-backlog.ts";
import { checkBudget } from "../../lib/database/fleet/budget.ts";
import { DEFAULT_BREAKER_LIMITS } from "../../lib/database/fleet/circuit-breaker.ts";
import { resumeLeasing, stopLeasing } from "../../lib/database/fleet/fleet-mode.ts";
import { reportHostScores } from "../../lib/database/fleet/host-scores.ts";
import { releaseQuarantine } from "../../lib/database/fleet/quarantine.ts";
import { refreshBreaker, takeProbe } from "../../lib/database/fleet/refresh-breaker.ts";
import { storeDeadLetters } from "../../lib/database/fleet/store-dead-letters.ts";
import { deleteDeadLetters } from "../../lib/database/fleet/stored-dead-letters.ts";
import { leaseSlab, releaseUnbegunLease } from "../../lib/database/leases/lease-slab.ts";
import { markSent, takeUnsent } from "../../lib/database/leases/unsent-leases.ts";
import { parseHostKey } from "../../lib/slab/ids.ts";
import { useDatabase } from "../support/database.ts";
import { LOST, type SeededSlab, seedSlab } from "../support/seed-indexd.ts";
import { leaseByHand } from "./running-lease.ts";

const { sql } = useDatabase({ max: 1 });
let slab: SeededSlab;
beforeAll(async () => {
  // The trigger counts by a sequence, because a rollback does not reset it: in each test only the first statement on
  // the table fails.
  await sql`create sequence once`;
  await sql.unsafe(`
    create function fail_once() returns trigger language plpgsql as $$
    begin
      if nextval('once') = 1 then raise exception 'somebody else' using errcode = tg_argv[0]; end if;
      return null;
    end $$`);
});
beforeEach(async () => {
  slab = await seedSlab(sql, { minShards: 1, sectors: [LOST] });
});

/** Prepares something without failing. */
async function quietly<Result>(table: string, prepare: () => PromiseLike<Result>): Promise<Result> {
  await sql.unsafe(`alter table slabmend.${table} disable trigger fail_once`);
  const result = await prepare();
  await sql.unsafe(`alter table slabmend.${table} enable trigger fail_once`);
  return result;
}

const sample = {
  hostKey: parseHostKey("ab".repeat(32)),
  ...{ readBytes: 1, readMs: 1, writeBytes: 1, writeMs: 1, successes: 1, failures: 0 },
  ...{ outOfFunds: false, full: false, stored: true },
};
const letter = { messageId: "m", body: "b", cause: "c", receiveCount: 1, sentAtMs: undefined };

test.each<[name: string, table: string, code: string, write: () => Promise<unknown>]>([
  ["takeUnsent", "leases", "40P01", () => takeUnsent(sql, { afterMs: 1, limit: 1 })],
  [
    "markSent",
    "leases",
    "40P01",
    async () => {
      const token = await quietly("leases", () => leaseByHand(sql, slab));
      await markSent(sql, [{ slabId: slab.id, token }]);
    },
  ],
  ["checkBudget", "budget", "40001", () => checkBudget(sql, { repairs: 1n })],
  [
    "refreshBreaker",
    "fleet",
    "40001",
    async () => {
      await quietly(
        "fleet",
        () => sql`update slabmend.fleet set breaker_since = clock_timestamp() + interval '1 day'`,
      );
      await refreshBreaker(sql, DEFAULT_BREAKER_LIMITS);
    },
  ],
  ["takeProbe", "fleet", "55P03", () => takeProbe(sql, 1)],
  ["storeDeadLetters", "dead_letters", "40P01", () => storeDeadLetters(sql, [letter])],
  ["deleteDeadLetters", "dead_letters", "40P01", () => deleteDeadLetters(sql, ["m"])],
  [
    "stopLeasing",
    "fleet",
    "40001",
    async () => expect(await stopLeasing(sql, { kind: "paused", owner: "test" })).toBe(true),
  ],
  ["resumeLeasing", "fleet", "40001", async () => expect(await resumeLeasing(sql, "paused")).toBe(true)],
  ["readWalks", "walks", "40P01", () => readWalks(sql, ["lost"])],
  ["reportHostScores", "host_scores", "40P01", () => reportHostScores(sql, [sample])],
  ["forgetFineSlabs", "repairs", "40P01", () => forgetFineSlabs(sql, { olderThanMs: 1, limit: 1 })],
  ["releaseQuarantine", "repairs", "40P01", () => releaseQuarantine(sql, "all")],
  [
    "leaseSlab",
    "leases",
    "40P01",
    () => leaseSlab(sql, { slabId: slab.id, holdMs: 60_000, graceMs: 0, force: false }),
  ],
  [
    "releaseUnbegunLease",
    "leases",
    "40P01",
    async () => {
      const token = await quietly("leases", () => leaseByHand(sql, slab, { running: false }));
      expect(await releaseUnbegunLease(sql, { slabId: slab.id, token })).toBe(true);
    },
  ],
])("%s, on slabmend.%s, after %s", async (_name, table, code, write) => {
  await sql`alter sequence once restart`;
  await sql.unsafe(`
    create trigger fail_once before insert or update or delete on slabmend.${table}
    for each statement execute function fail_once('${code}')`);
  try {
    await write();
  } finally {
    await sql.unsafe(`drop trigger fail_once on slabmend.${table}`);
  }
  const [row] = await sql<{ tries: number }[]>`select last_value::integer as tries from once`;
  expect(row!.tries).toBeGreaterThanOrEqual(2);
});
