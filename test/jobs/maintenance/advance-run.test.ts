/** The coordinator of maintenance runs, with a job that counts in its own table. */
import { beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../lib/clock/clock.ts";
import type { Ask } from "../../../lib/database/client/deadline-client.ts";
import { explainLost, requestOfRun, startRun, takeRun } from "../../../lib/database/runs/maintenance-runs.ts";
import { advanceRun, MaintenanceError } from "../../../lib/jobs/maintenance/advance-run.ts";
import type { MaintenanceJob } from "../../../lib/jobs/maintenance/maintenance-job.ts";
import { createLogger } from "../../../lib/telemetry/logger.ts";
import { useDatabase } from "../../support/database.ts";

const database = useDatabase();
beforeAll(() => database.sql`create table counted (n integer primary key)`);
beforeEach(async () => {
  await database.sql`truncate counted, slabmend.runs`;
});

const ask: Ask = (statements) => statements(database.sql);
const logger = createLogger("fatal", { indexer: "default" });

/** Counts up to `scope.to`, by one per step. Every count is written under the run's token. */
function countingJob(crashAfter = Number.POSITIVE_INFINITY): MaintenanceJob {
  let steps = 0;
  return {
    kind: "count",
    async advance({ run, token }) {
      const { at = 0 } = run.checkpoint as { at?: number };
      const { to } = run.scope as { to: number };
      if (to < 0)
        throw new MaintenanceError({
          code: "negative",
          message: "count: expected 0 or more",
          remedy: "Ask for more.",
        });
      if (at >= to) return { end: { state: "done" }, statistics: { counted: at } };
      await database.sql`
        insert into counted select ${at + 1} from slabmend.hold_run(${String(run.id)}, ${token}) on conflict do nothing`.catch(
        (error) => {
          throw explainLost(error, run.id);
        },
      );
      steps += 1;
      // Simulates that the process was killed before it wrote the checkpoint.
      if (steps > crashAfter) throw new Error("killed");
      return { checkpoint: { at: at + 1 }, statistics: { counted: at + 1 } };
    },
    async settle() {
      await database.sql`truncate counted`;
      return true;
    },
  };
}

const advance = (job: MaintenanceJob, coordinator = "a") =>
  advanceRun(
    { ask, clock: systemClock, logger, jobs: [job], coordinator, signal: new AbortController().signal },
    60_000,
  );
const start = (to: number) => startRun(database.sql, { kind: "count", scope: { to }, owner: "test" });
const counted = async () => (await database.sql`select n from counted order by n`).map((row) => row["n"]);

test("advanceRun executes a run until it is done, and does nothing if there is no run", async () => {
  expect(await advance(countingJob())).toBeUndefined();
  await start(5);
  expect(await advance(countingJob())).toMatchObject({ state: "done", statistics: { counted: 5 } });
  expect(await counted()).toEqual([1, 2, 3, 4, 5]);
});

test.each([0, 1, 2, 3, 4])(
  "if a process is killed after %i checkpoints, another process continues from the last checkpoint",
  async (steps) => {
    await start(5);
    await expect(advance(countingJob(steps))).rejects.toThrow("killed");
    expect(await advance(countingJob(), "b")).toMatchObject({ state: "done", statistics: { counted: 5 } });
    expect(await counted()).toEqual([1, 2, 3, 4, 5]);
  },
);

test("a coordinator that loses its lease during a step writes nothing more and ends without an error", async () => {
  await start(3);
  const job = countingJob();
  const slow: MaintenanceJob = {
    ...job,
    async advance(context) {
      if ((context.run.checkpoint as { at?: number }).at === 1) {
        await database.sql`update slabmend.runs set expires_at = clock_timestamp() - interval '1 second'`;
        await takeRun(database.sql, { coordinator: "b", leaseMs: 60_000 });
      }
      return job.advance(context);
    },
  };
  expect(await advance(slow)).toBeUndefined();
  expect(await counted()).toEqual([1]);
});

test("a cancelled run is undone and ends, and a run whose job fails ends with the reason", async () => {
  await start(5);
  await expect(advance(countingJob(2))).rejects.toThrow("killed");
  await requestOfRun(database.sql, "cancel");
  expect(await advance(countingJob())).toMatchObject({ state: "cancelled" });
  expect(await counted()).toEqual([]);
  await start(-1);
  expect(await advance(countingJob())).toMatchObject({ state: "failed", error: { code: "negative" } });
});

test("a run of an unknown kind fails with that reason", async () => {
  await startRun(database.sql, { kind: "unheard-of", scope: {}, owner: "test" });
  expect(await advance(countingJob())).toMatchObject({ state: "failed", error: { code: "unknown-kind" } });
});
