import { statfs } from "node:fs/promises";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { DemoError } from "./demo-error.ts";
import type { DemoOptions } from "./demo-options.ts";
import type { DamagePlan } from "./plan-damage.ts";

/** PostgreSQL's cluster and its WAL. */
const DATABASE_BYTES = 150_000_000;
const MB = 1_000_000;

/**
 * The demo's disk usage: every shard, although some are lost before repairs begin, and a copy of each that moves. A killed worker leaves
 * its uploads behind; an extra half of the sectors to move covers those.
 */
export function neededBytes(
  options: Pick<DemoOptions, "slabs" | "totalShards">,
  plan: Pick<DamagePlan, "sectorsToMove" | "lost">,
): number {
  const stored = options.slabs * options.totalShards;
  const atMost = Math.max(stored, stored - plan.lost.length + Math.ceil(plan.sectorsToMove * 1.5));
  return storedBytes(atMost);
}

/** The disk usage of this many sectors on hosts, with their database. */
export function storedBytes(sectors: number): number {
  return sectors * SECTOR_BYTES + DATABASE_BYTES;
}

/** @throws {DemoError} `no-disk-space`, `no-folder` */
export async function assertDiskSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder).catch((cause: unknown) => {
    throw new DemoError({
      code: "no-folder",
      message: `temporary folder: expected ${folder} to be a folder, got ${cause instanceof Error && "code" in cause ? cause.code : cause}`,
      remedy: "Set TMPDIR to an existing folder, or unset it.",
      cause,
    });
  });
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new DemoError({
    code: "no-disk-space",
    message: `disk space in ${folder}: expected ${Math.ceil(bytes / MB)} MB, got ${Math.floor(free / MB)} MB`,
    remedy: "Free disk space, set TMPDIR to a folder on a larger disk, or use fewer --slabs.",
  });
}
