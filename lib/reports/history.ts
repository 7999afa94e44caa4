import type { Ask } from "../database/client/deadline-client.ts";
import { type EndedRepair, type JournalPlace, readHistory } from "../database/reports/read-history.ts";
import type { HostKey, SlabId } from "../slab/ids.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { moneyOf, SCHEMA_VERSION, timeOrNull } from "./fields.ts";
import type { HistoryReport } from "./history-schema.ts";

export interface HistoryRequest {
  readonly slabId?: SlabId | undefined;
  /** Only repairs that moved a sector from or to this host, or found a sector lost there. */
  readonly host?: HostKey | undefined;
  readonly outcome?: string | undefined;
  readonly since?: Date | undefined;
  /** Default 50. */
  readonly limit?: number | undefined;
  /** `next` of the previous page. */
  readonly cursor?: string | undefined;
}

export const MOST_REPAIRS = 500;

const CURSOR = /^([1-9]\d{0,17}) ([1-9]\d{0,18})$/;

/** @throws {MalformedCursorError} */
export async function readHistoryReport(ask: Ask, request: HistoryRequest = {}): Promise<HistoryReport> {
  const limit = request.limit ?? 50;
  const { at, repairs, searchedTo } = await ask(
    (sql) =>
      readHistory(sql, {
        slabId: request.slabId ?? null,
        host: request.host ?? null,
        outcome: request.outcome ?? null,
        since: request.since ?? null,
        before: request.cursor === undefined ? null : placeOf(request.cursor),
        // One extra row shows whether there is a next page.
        limit: limit + 1,
      }),
    { isIdempotent: true },
  );
  const page = repairs.slice(0, limit);
  const end = repairs.length > limit ? page.at(-1) : (searchedTo ?? undefined);
  return {
    schemaVersion: SCHEMA_VERSION,
    at: at.toISOString(),
    repairs: page.map(describeRepair),
    searchedSince:
      end === undefined
        ? timeOrNull(request.since)
        : new Date(Number(BigInt(end.endedAtUs) / 1_000n)).toISOString(),
    next: end === undefined ? null : encodeCursor(end.endedAtUs, end.id),
  };
}

function placeOf(cursor: string): JournalPlace {
  const [endedAtUs = "", id = ""] = decodeCursor(cursor, CURSOR);
  return { endedAtUs, id };
}

function describeRepair(repair: EndedRepair): HistoryReport["repairs"][number] {
  const { leasedAtMs, beganAtMs, endedAtMs } = repair;
  return {
    id: repair.id,
    kind: repair.kind,
    slabId: repair.slabId,
    digest: repair.digest,
    outcome: repair.outcome,
    reportedOutcome: repair.reportedOutcome,
    error: repair.error,
    moves: [...repair.moves],
    lost: [...repair.lost],
    dropped: [...repair.dropped],
    bytesRead: Number(repair.bytesRead),
    bytesWritten: Number(repair.bytesWritten),
    paid: moneyOf(BigInt(repair.hastings)),
    phasesMs: { ...repair.phasesMs },
    worker: repair.worker,
    leasedAt: new Date(leasedAtMs).toISOString(),
    beganAt: new Date(beganAtMs).toISOString(),
    endedAt: new Date(endedAtMs).toISOString(),
    // The clock may have been set back during the repair.
    seconds: Math.max(0, endedAtMs - beganAtMs) / 1_000,
  };
}
