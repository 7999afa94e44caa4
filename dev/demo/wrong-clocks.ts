/**
 * Gives workers a clock that is wrong by hours. The worker's clock stays wrong for one repair and then is right, as if
 * NTP had corrected it. A folder contains one file for each wrong clock that no worker has had yet. A worker that
 * removes a file has a wrong clock in its next repair.
 */
import { mkdir, readdir, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ISql } from "postgres";
import { type Clock, systemClock } from "../../lib/clock/clock.ts";

/** The repair function's environment variable with the path of the wrong clocks' folder. */
export const WRONG_CLOCKS_VARIABLE = "SLABMEND_DEMO_WRONG_CLOCKS";

const HOUR_MS = 3_600_000;
/**
 * If the clock is behind, a worker's tokens look expired to hosts; if it is ahead, hosts' prices look expired to the
 * worker.
 */
const OFF_BY_MS = [-2 * HOUR_MS, 3 * HOUR_MS, -26 * HOUR_MS] as const;

/** @returns the folder */
export async function prepareWrongClocks(folder: string, count: number): Promise<string> {
  const clocks = join(folder, "wrong-clocks");
  await mkdir(clocks);
  for (let n = 0; n < count; n += 1) await writeFile(join(clocks, String(n)), "");
  return clocks;
}

/** The clock of a worker. The clock differs from the right time by `offByMs`, which the worker may set at any time. */
export function createWrongClock(): Clock & { offByMs: number } {
  const clock = { ...systemClock, offByMs: 0, now: () => systemClock.now() + clock.offByMs };
  return clock;
}

/**
 * Takes a wrong clock, if one is left.
 * @returns by how many milliseconds this worker's clock is wrong in its next repair; 0: the clock is right
 */
export async function takeWrongClock(folder: string): Promise<number> {
  for (const name of await readdir(folder)) {
    try {
      await unlink(join(folder, name));
    } catch {
      // Another worker was faster.
      continue;
    }
    return OFF_BY_MS[Number(name) % OFF_BY_MS.length]!;
  }
  return 0;
}

export interface ClockFaults {
  /** Repairs that ended at the beginning because the worker's clock was wrong. */
  readonly count: number;
  /**
   * The time from the end of a repair that `count` counts until the next repair of its slab began, summed over these
   * repairs.
   */
  readonly waitedMs: number;
}

export async function readClockFaults(sql: ISql): Promise<ClockFaults> {
  const [row] = await sql<{ count: number; waited: number }[]>`
    select count(*)::integer as count,
      coalesce(sum(extract(epoch from n.began_at - f.finished_at)), 0)::float8 * 1000 as waited
    from slabmend.journal f
    left join lateral (
      select j.began_at from slabmend.journal j where j.slab_id = f.slab_id and j.id > f.id order by j.id limit 1
    ) n on true
    where f.outcome = 'fault' and f.error = 'clock-off'`;
  return { count: row!.count, waitedMs: row!.waited };
}
