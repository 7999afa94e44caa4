import { statfs } from "node:fs/promises";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { DemoError } from "./demo-error.ts";
import type { DemoOptions } from "./demo-options.ts";
import type { DamagePlan } from "./plan-damage.ts";

/** The disk space of PostgreSQL's cluster and its WAL. */
const DATABASE_BYTES = 150_000_000;
const MB = 1_000_000;

/**
 * The most disk space that the demo needs. At first all shards are stored. Later the lost sectors are gone, and each
 * sector that must move is stored once more. Half the number of moved sectors is added, because killed workers leave
 * uploads behind.
 */
export function neededBytes(
  options: Pick<DemoOptions, "slabs" | "totalShards">,
  plan: Pick<DamagePlan, "sectorsToMove" | "lost">,
): number {
  const stored = options.slabs * options.totalShards;
  const atMost = Math.max(stored, stored - plan.lost.length + Math.ceil(plan.sectorsToMove * 1.5));
  return storedBytes(atMost);
}

/** The disk space that a database and `sectors` sectors on hosts need together. */
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
