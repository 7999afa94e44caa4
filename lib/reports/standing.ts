import type { Ask } from "../database/client/deadline-client.ts";
import { listQuarantine } from "../database/fleet/quarantine.ts";
import { listDeadLetters } from "../database/fleet/stored-dead-letters.ts";
import { readTime } from "../database/reports/read-time.ts";
import { SCHEMA_VERSION } from "./fields.ts";
import type { DeadLettersReport, QuarantineReport } from "./standing-schema.ts";

export async function readDeadLettersReport(
  ask: Ask,
  request: { readonly limit: number },
): Promise<DeadLettersReport> {
  const { at, total, letters } = await ask(
    async (sql) => ({ at: await readTime(sql), ...(await listDeadLetters(sql, request)) }),
    { isIdempotent: true },
  );
  return {
    schemaVersion: SCHEMA_VERSION,
    at: at.toISOString(),
    total,
    // The report omits the lease, because the lease's token would allow a repair to begin.
    letters: letters.map(({ lease: _, slabId, body, firstSeen, lastSeen, ...letter }) => ({
      ...letter,
      slabId: slabId ?? null,
      body: body ?? null,
      firstSeen: firstSeen.toISOString(),
      lastSeen: lastSeen.toISOString(),
    })),
  };
}

export async function readQuarantineReport(
  ask: Ask,
  { limit }: { readonly limit: number },
): Promise<QuarantineReport> {
  const { at, total, slabs } = await ask(
    async (sql) => ({ at: await readTime(sql), ...(await listQuarantine(sql, limit)) }),
    { isIdempotent: true },
  );
  return {
    schemaVersion: SCHEMA_VERSION,
    at: at.toISOString(),
    total,
    slabs: slabs.map(({ until, ...slab }) => ({ ...slab, until: until.toISOString() })),
  };
}
