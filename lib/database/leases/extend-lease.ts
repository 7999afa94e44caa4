import type { ISql } from "postgres";
import type { LeaseToken, SlabId } from "../../slab/ids.ts";
import { DEFAULT_LEASE_MS } from "./begin-repair.ts";
import type { Upload } from "./uploads.ts";

/** What a repair has spent in total since it began. */
export interface Spent {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly hastings: bigint;
}

const NOTHING_SPENT: Spent = { bytesRead: 0, bytesWritten: 0, hastings: 0n };

/**
 * A heartbeat: the running lease now lasts another `leaseMs`. False: the lease expired or was reaped, or indexd claimed
 * the slab; the worker must stop immediately. Not retried, because the next heartbeat follows anyway.
 *
 * `spent` goes to the journal if the worker crashes: a budget then misses only what was spent after the last heartbeat.
 * `stored` is kept for the next repair of the slab: uploads.ts.
 */
export async function extendLease(
  sql: ISql,
  { slabId, token }: { readonly slabId: SlabId; readonly token: LeaseToken },
  leaseMs = DEFAULT_LEASE_MS,
  spent: Spent = NOTHING_SPENT,
  stored: readonly Upload[] = [],
): Promise<boolean> {
  const text = JSON.stringify({
    bytesRead: spent.bytesRead,
    bytesWritten: spent.bytesWritten,
    hastings: spent.hastings.toString(),
  });
  const notes = JSON.stringify(
    stored.map(({ sectorId, hostId }) => ({ sectorId: String(sectorId), hostId })),
  );
  const [row] = await sql<{ extended: boolean }[]>`
    select slabmend.extend_lease(${String(slabId)}::bigint, ${token}::uuid, ${leaseMs}::bigint, ${text}::text::jsonb,
      ${notes}::text::jsonb) as extended`;
  return row!.extended;
}
