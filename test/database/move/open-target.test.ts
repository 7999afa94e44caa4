import { expect, test } from "vitest";
import { isOpened } from "../../../lib/database/move/open-target.ts";
import { startRun } from "../../../lib/database/runs/maintenance-runs.ts";
import { useDatabase } from "../../support/database.ts";
import { until } from "../../support/until.ts";

const database = useDatabase();

test("isOpened waits for a transaction that opens the target and has not committed yet", async () => {
  const { sql } = database;
  const run = await startRun(sql, { kind: "move-database", scope: {}, owner: "test" });
  expect(await isOpened(sql, run.id)).toBe(false);
  const opening = await sql.reserve();
  await opening`begin`;
  await opening`update slabmend.runs set state = 'done', finished_at = now() where id = ${String(run.id)}`;
  const asked = isOpened(sql, run.id);
  await until(async () => {
    const waiting =
      await sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    return waiting.length === 1;
  });
  await opening`commit`;
  opening.release();
  expect(await asked).toBe(true);
});

test("isOpened gives no answer for a database with indexd's tables but without the run's row", async () => {
  const { sql } = database;
  expect(await isOpened(sql, 4711n)).toBeUndefined();
  await sql`drop schema slabmend cascade`;
  expect(await isOpened(sql, 4711n)).toBeUndefined();
  await sql`drop schema public cascade`;
  expect(await isOpened(sql, 4711n)).toBe(false);
});
