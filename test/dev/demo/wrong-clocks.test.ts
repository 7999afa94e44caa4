/** Wrong clocks of the demo's workers: `--wrong-clocks`. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createWrongClock, prepareWrongClocks, takeWrongClock } from "../../../dev/demo/wrong-clocks.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slabmend-clocks-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("exactly the wanted number of repairs gets a wrong clock, even with simultaneous workers", async () => {
  const clocks = await prepareWrongClocks(folder, 3);
  const taken = await Promise.all(Array.from({ length: 8 }, () => takeWrongClock(clocks)));
  const hours = taken.filter((ms) => ms !== 0).map((ms) => ms / 3_600_000);
  expect(hours.sort((a, b) => a - b)).toEqual([-26, -2, 3]);
  expect(await readdir(clocks)).toEqual([]);
});

test("a wrong clock is wrong in every call until it is corrected", () => {
  const clock = createWrongClock();
  const { now } = clock;
  clock.offByMs = -3_600_000;
  expect(Math.abs(now() - (Date.now() - 3_600_000))).toBeLessThan(10_000);
  clock.offByMs = 0;
  expect(Math.abs(now() - Date.now())).toBeLessThan(10_000);
});
