/** The next sectors of a verification, and its position after them. */
import type { ISql } from "postgres";
import {
  findSlabOf,
  readDraws,
  readHostPage,
  readObjectSlab,
  readSlabPage,
} from "../../database/verify/read-scope.ts";
import { type HostId, parseSlabId, type SectorId } from "../../slab/ids.ts";
import { drawWindows, windowsFor } from "./draw-windows.ts";
import type { VerifyCheckpoint, VerifyScope } from "./verify-run.ts";

/** The most sectors of a transaction, as in indexd. */
const BATCH_SECTORS = 100;
const MOST_WINDOWS_SHARE = 20;

export interface NextBatch {
  readonly sectorIds: readonly SectorId[];
  /** Number of sectors; for a sample, number of draws: a sector drawn twice counts twice, but is requested once. */
  readonly passes: number;
  readonly behind: Pick<VerifyCheckpoint, "after" | "slab" | "windows">;
}

/** Undefined: no sector is left. */
export async function readNextBatch(
  sql: ISql,
  scope: VerifyScope,
  options: { readonly hostId: HostId | null; readonly at: VerifyCheckpoint; readonly passed: number },
): Promise<NextBatch | undefined> {
  const { hostId, at, passed } = options;
  if (scope.of === "host" && scope.sample !== null && hostId !== null) {
    const { seed, draws } = scope.sample;
    const left = Math.min(BATCH_SECTORS, draws - passed);
    // Hardly any window hits if most of the host's sectors were removed since the run started: then the sample ends.
    if (left <= 0 || at.windows > MOST_WINDOWS_SHARE * windowsFor(draws)) return undefined;
    const windows = drawWindows({ seed, first: at.windows, count: windowsFor(left), sectors: scope.sectors });
    const { ids, used } = firstHits(await readDraws(sql, hostId, windows), left);
    return {
      sectorIds: [...new Set(ids)],
      passes: ids.length,
      behind: { after: null, slab: null, windows: at.windows + used },
    };
  }
  if (scope.of === "object") return await readObjectBatch(sql, scope.ids, at);
  const request = { after: at.after, limit: BATCH_SECTORS };
  const page =
    scope.of === "slab"
      ? await readSlabPage(sql, { ...request, slabId: parseSlabId(scope.slab) })
      : await readHostPage(sql, { ...request, hostId: hostId! });
  if (page.last === null) return undefined;
  return {
    sectorIds: page.sectorIds,
    passes: page.sectorIds.length,
    behind: { after: page.last, slab: null, windows: 0 },
  };
}

/** All sectors of a batch are of one slab. */
async function readObjectBatch(
  sql: ISql,
  objectIds: readonly string[],
  at: VerifyCheckpoint,
): Promise<NextBatch | undefined> {
  let { slab, after } = at;
  for (;;) {
    const slabId = slab === null ? undefined : await findSlabOf(sql, slab);
    const page =
      slabId === undefined ? undefined : await readSlabPage(sql, { slabId, after, limit: BATCH_SECTORS });
    if (page !== undefined && page.last !== null) {
      const { sectorIds, last } = page;
      return { sectorIds, passes: sectorIds.length, behind: { after: last, slab, windows: 0 } };
    }
    const next = await readObjectSlab(sql, { objectIds, after: slab });
    if (next === undefined) return undefined;
    slab = next;
    after = null;
  }
}

/** The first hits, at most `most`, and the number of windows used for them. */
export function firstHits<Id>(
  hits: readonly (Id | null)[],
  most: number,
): { readonly ids: readonly Id[]; readonly used: number } {
  const ids: Id[] = [];
  let used = 0;
  for (const hit of hits) {
    if (ids.length === most) break;
    used += 1;
    if (hit !== null) ids.push(hit);
  }
  return { ids, used };
}
