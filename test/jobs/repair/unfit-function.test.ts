/** Rule 13 of docs/architecture.md on AWS: an unfit execution environment ends and says why. */
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { Context, SQSEvent } from "aws-lambda";
import { expect, test } from "vitest";
import { FunctionPool } from "../../../dev/aws/function-pool.ts";
import { startParentGuard } from "../../../dev/process/parent-guard.ts";
import { createRepairHandler } from "../../../functions/repair.ts";
import { systemClock } from "../../../lib/clock/clock.ts";
import { encodeRepairMessage } from "../../../lib/queue/repair-message.ts";
import type { LeasedSlab } from "../../../lib/slab/leased-slab.ts";
import { repairSuite } from "../../support/repair-suite.ts";
import { type StoredSlab, WORLD_SETTINGS } from "../../support/repair-world.ts";

const suite = repairSuite({ hosts: 6 });

const QUEUE_URL = "http://127.0.0.1:1/queue";
const eventOf = (task: LeasedSlab): SQSEvent =>
  ({
    Records: [
      {
        messageId: "message",
        body: encodeRepairMessage(task, "default"),
        receiptHandle: "receipt",
        attributes: { ApproximateReceiveCount: "1" },
      },
    ],
  }) as SQSEvent;

async function storeDamaged(): Promise<StoredSlab> {
  const slab = await suite.world.storeSlab({ minShards: 1, totalShards: 2 });
  await suite.world.loseSector(slab, 0);
  return slab;
}

test("a function with a wrong clock records a fault and ends, and its redelivered message finds no lease", async () => {
  const { world } = suite;
  const slab = await storeDamaged();
  const task = await world.lease(slab);
  const context = { awsRequestId: "request", getRemainingTimeInMillis: () => 60_000 } as Context;
  const options = {
    variables: { ...world.variables, SLABMEND_QUEUE_URL: QUEUE_URL },
    settings: WORLD_SETTINGS,
    giveBack: () => Promise.reject(new Error("nothing is to be given back")),
    end: () => {
      throw new Error("the process has ended");
    },
  };
  const clock = { ...systemClock, now: () => systemClock.now() - 600_000 };
  const handler = createRepairHandler({ ...options, clock });
  await expect(handler(eventOf(task), context)).rejects.toThrow("the process has ended");
  expect(await suite.journal(slab)).toMatchObject([{ outcome: "fault", error: "clock-off" }]);
  expect(await suite.history(slab)).toMatchObject({ failed: 0 });
  const another = createRepairHandler(options);
  expect(await another(eventOf(task), context)).toEqual({ batchItemFailures: [] });
  expect(await another(eventOf(await world.lease(slab)), context)).toEqual({ batchItemFailures: [] });
  expect((await suite.journal(slab)).map(({ outcome }) => outcome)).toEqual(["fault", "repaired"]);
});

test("a function that keeps failing where others succeed ends its process, with the reason in log and metric", {
  timeout: 120_000,
}, async () => {
  const { world } = suite;
  const { sql } = world.database;
  await sql`delete from slabmend.journal`;
  const guard = await startParentGuard();
  const lines: string[] = [];
  const pool = new FunctionPool(
    {
      name: "repair",
      entry: fileURLToPath(new URL("../../../functions/repair.ts", import.meta.url)),
      timeoutMs: 60_000,
      environment: {
        ...world.variables,
        SLABMEND_QUEUE_URL: QUEUE_URL,
        SLABMEND_LOG_LEVEL: "error",
        SLABMEND_METRICS_NAMESPACE: "test",
        // A seed other than the fleet's: its account has no funds on any host.
        SLABMEND_MIGRATION_SEED: "17".repeat(32),
      },
      maxConcurrency: 1,
    },
    { guard, onLine: ({ line }) => lines.push(line) },
  );
  try {
    const invoke = async (slab: StoredSlab) => pool.invoke(JSON.stringify(eventOf(await world.lease(slab))));
    for (let n = 0; n < 5; n += 1) {
      for (let m = 0; m < 5; m += 1) await anotherRepaired(1_000 + 5 * n + m);
      expect(await invoke(await storeDamaged())).toMatchObject(
        n < 4
          ? { kind: "succeeded", payload: '{"batchItemFailures":[]}' }
          : { kind: "failed", how: "crashed" },
      );
    }
    const said = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(said).toContainEqual(
      expect.objectContaining({
        level: "error",
        code: "worker-unfit",
        reason: expect.stringMatching(
          /^its repairs of 5 slabs failed in a row, while other workers moved sectors of (\d+) of \1 slabs$/,
        ),
      }),
    );
    expect(said).toContainEqual(expect.objectContaining({ WorkersUnfit: 1, service: "repair" }));
    // The next execution environment counts only its own failed repairs, so it works until it has had as many failed
    // repairs as the first environment.
    expect(await invoke(await storeDamaged())).toMatchObject({ kind: "succeeded" });
  } finally {
    await pool.stop();
    await guard.release();
  }
  const workers = await sql<{ environment: string; repairs: number }[]>`
    select split_part(worker, '/', 1) as environment, count(*)::integer as repairs from slabmend.journal
    where worker like 'environment-%' group by 1 order by 2`;
  expect(workers.map(({ repairs }) => repairs)).toEqual([1, 5]);
});

/** A journal row of a recent repair by another worker. */
async function anotherRepaired(slab: number): Promise<void> {
  await suite.world.database.sql`
    insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, moves, worker, leased_at, began_at, finished_at)
    select ${randomUUID()}, ${slab}, decode(repeat('00', 32), 'hex'), 'repaired', 'repaired', '[{"index": 0}]', 'another/x', now(), now(),
      clock_timestamp()`;
}
