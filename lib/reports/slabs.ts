import type { Ask } from "../database/client/deadline-client.ts";
import { readSlabs, type SlabFacts } from "../database/reports/read-slabs.ts";
import { DEFAULT_THRESHOLDS } from "../jobs/backlog/backlog-settings.ts";
import { parseSlabId, type SlabId } from "../slab/ids.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { SCHEMA_VERSION, timeOrNull } from "./fields.ts";
import type { SlabsReport, UnhealthySlab } from "./slabs-schema.ts";

export interface SlabsRequest {
  /** Only slabs in danger. */
  readonly atRisk?: boolean;
  /** Only slabs with at most this margin. */
  readonly margin?: number | undefined;
  readonly cause?: string | undefined;
  /** Default 50. */
  readonly limit?: number | undefined;
  /** `next` of the previous page. */
  readonly cursor?: string | undefined;
}

/** Maximum length of a page: each slab on it costs about twenty index reads. */
export const MOST_SLABS = 500;

const CURSOR = /^(\d(?:\.\d+)?(?:e-\d+)?) ([1-9]\d{0,18})$/;

/** @throws {MalformedCursorError} */
export async function readSlabsReport(ask: Ask, request: SlabsRequest = {}): Promise<SlabsReport> {
  const limit = request.limit ?? 50;
  const { at, matching, walkFinishedAt, slabs } = await ask(
    (sql) =>
      readSlabs(sql, {
        dangerAbove: DEFAULT_THRESHOLDS.dangerAbove,
        onlyInDanger: request.atRisk === true,
        mostMargin: request.margin ?? null,
        cause: request.cause ?? null,
        slabId: null,
        after: request.cursor === undefined ? null : placeOf(request.cursor),
        // One extra row shows whether there is a next page.
        limit: limit + 1,
      }),
    { isIdempotent: true },
  );
  const page = slabs.slice(0, limit);
  const last = page.at(-1);
  return {
    schemaVersion: SCHEMA_VERSION,
    at: at.toISOString(),
    walkFinishedAt: timeOrNull(walkFinishedAt),
    matching,
    slabs: page.map(describeSlab),
    next: slabs.length > limit && last !== undefined ? encodeCursor(last.loss, last.slabId) : null,
  };
}

function placeOf(cursor: string): { readonly loss: number; readonly slabId: SlabId } {
  const [loss = "", slabId = ""] = decodeCursor(cursor, CURSOR);
  return { loss: Number(loss), slabId: parseSlabId(slabId) };
}

/** Pure. */
export function describeSlab(facts: SlabFacts): UnhealthySlab {
  return {
    id: facts.slabId,
    digest: facts.digest,
    minShards: facts.minShards,
    totalShards: facts.totalShards,
    margin: facts.margin,
    lossProbability: facts.loss,
    inDanger: facts.inDanger,
    causes: { ...facts.causes },
    since: Object.fromEntries(Object.entries(facts.since).map(([cause, at]) => [cause, isoOf(at)])),
    waitingSince: isoOf(facts.waitingSinceMs),
    ...stateOf(facts),
    lastOutcome: facts.lastOutcome,
    lastError: facts.lastError,
    lastEndedAt: facts.endedAtMs === null ? null : isoOf(facts.endedAtMs),
    objects: { ...facts.objects, keys: [...facts.objects.keys] },
  };
}

function stateOf({
  leasedUntilMs,
  quarantinedUntilMs,
  ready,
  lookAtMs,
}: SlabFacts): Pick<UnhealthySlab, "state" | "until"> {
  if (leasedUntilMs !== null) return { state: "leased", until: isoOf(leasedUntilMs) };
  if (quarantinedUntilMs !== null) return { state: "quarantined", until: isoOf(quarantinedUntilMs) };
  return ready ? { state: "ready", until: null } : { state: "waiting", until: isoOf(lookAtMs) };
}

const isoOf = (ms: number): string => new Date(ms).toISOString();
