/** A machine whose clock differs by minutes from the database's does not repair: hosts would refuse its tokens. */
import { expect, test } from "vitest";
import { systemClock } from "../../lib/clock/clock.ts";
import { assertClocksAgree } from "../../lib/database/client/assert-clocks-agree.ts";
import { runCli } from "../cli/run-cli.ts";
import { useDatabase } from "../support/database.ts";

const database = useDatabase();
const MINUTE_MS = 60_000;
const shifted = (byMs: number) => ({ ...systemClock, now: () => systemClock.now() + byMs });

test.each([
  [0, true],
  [1.5, true],
  [-1.5, true],
  [3, false],
  [-6, false],
  [120, false],
])("a clock that is %d minutes off: fit is %s", async (minutes, isFit) => {
  const checked = assertClocksAgree(database.sql, shifted(minutes * MINUTE_MS));
  if (isFit) await checked;
  else await expect(checked).rejects.toMatchObject({ code: "clock-off" });
});

test("a slow answer of the database does not count as a wrong clock", async () => {
  let asked = 0;
  // By this clock ten minutes pass between query and answer; the database reads its own clock halfway.
  const clock = { now: () => systemClock.now() + (asked++ === 0 ? -5 : 5) * MINUTE_MS };
  await assertClocksAgree(database.sql, clock);
});

test("slabmend work with a wrong clock refuses to start and leases nothing", async () => {
  const { code, error } = await runCli(["work", "--from-database", "--json"], {
    environment: { SLABMEND_DATABASE_URL: database.url, SLABMEND_MIGRATION_SEED: "11".repeat(32) },
    clock: shifted(-6 * MINUTE_MS),
  });
  expect([code, error?.code]).toEqual([5, "clock-off"]);
  expect(await database.sql`select from slabmend.leases`).toHaveLength(0);
});
