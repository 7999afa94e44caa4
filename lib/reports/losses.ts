import type { Ask } from "../database/client/deadline-client.ts";
import { readDenials, type StoredDenial } from "../database/reports/read-denials.ts";
import { readTime } from "../database/reports/read-time.ts";
import { BAD_FOR_GOOD } from "../placement/plan-repair.ts";
import type { HostKey } from "../slab/ids.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { SCHEMA_VERSION } from "./fields.ts";
import type { LossesReport } from "./standing-schema.ts";

export interface LossesRequest {
  readonly host?: HostKey | undefined;
  readonly state?: "open" | "lost" | undefined;
  readonly limit: number;
  /** `next` of the previous page. */
  readonly cursor?: string | undefined;
}

const CURSOR = /^(\d{1,19}) (\d{1,19}) (\d{1,10})$/;

/** @throws {MalformedCursorError} */
export async function readLossesReport(ask: Ask, request: LossesRequest): Promise<LossesReport> {
  const { limit, state, host, cursor } = request;
  const [lastDeniedUs = "", sectorId = "", hostId = ""] =
    cursor === undefined ? [] : decodeCursor(cursor, CURSOR);
  const after = cursor === undefined ? undefined : { lastDeniedUs, sectorId, hostId: Number(hostId) };
  const { at, total, denials } = await ask(
    async (sql) => ({
      at: await readTime(sql),
      // One extra row shows whether there is a next page.
      ...(await readDenials(sql, { hostKey: host, state, limit: limit + 1, after })),
    }),
    { isIdempotent: true },
  );
  const page = denials.slice(0, limit);
  const last = page.at(-1);
  return {
    schemaVersion: SCHEMA_VERSION,
    at: at.toISOString(),
    total,
    losses: page.map(describeDenial),
    next:
      denials.length > limit && last !== undefined
        ? encodeCursor(last.lastDeniedUs, last.sectorId, last.hostId)
        : null,
  };
}

function describeDenial(denial: StoredDenial): LossesReport["losses"][number] {
  return {
    root: denial.root,
    sectorId: denial.sectorId,
    host: denial.hostKey,
    code: denial.code,
    state: denial.state,
    isBadForGood: denial.state === "open" && denial.denials >= BAD_FOR_GOOD,
    denials: denial.denials,
    wholeDeniedAt: denial.wholeDeniedAt?.toISOString() ?? null,
    firstDeniedAt: denial.firstDeniedAt.toISOString(),
    lastDeniedAt: denial.lastDeniedAt.toISOString(),
    slabs: [...denial.slabIds],
  };
}
