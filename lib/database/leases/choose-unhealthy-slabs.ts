import type { ISql } from "postgres";
import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../../slab/ids.ts";
import type { LeasedSlab } from "../../slab/leased-slab.ts";
import { type RetryOptions, retryTransaction } from "../client/retry-transaction.ts";

export interface ClaimPageRequest {
  /** Bad sectors looked at. */
  readonly pageSectors: number;
  /** Leases made at most. */
  readonly maxLeases: number;
  /** Leases of that kind that may exist at most afterwards. */
  readonly maxInFlight: number;
  /** Whose leases are made and counted: the queue's, or those of machines that lease for themselves. */
  readonly throughQueue: boolean;
  readonly holdMs: number;
  /** How long past its next_repair_attempt a slab is left to indexd, unless that value is ours. */
  readonly graceMs: number;
}

/** Sectors up to this id are done, and of the sector behind it slabs up to this id. Both 0: at the beginning. */
export interface ClaimPosition {
  readonly sector: bigint;
  readonly slab: bigint;
}

export interface ClaimedPage {
  /** Lowest margin first. */
  readonly leases: readonly LeasedSlab[];
  /** Leases of that kind that exist now. */
  readonly live: number;
  /** Where the page started, and where the next one starts. */
  readonly from: ClaimPosition;
  readonly next: ClaimPosition;
  /** Nothing claimable was left behind in this page. */
  readonly passed: boolean;
  /** Bad sectors in the page. */
  readonly sectors: number;
}

interface Answer {
  readonly leases: readonly { readonly slabId: string; readonly digest: string; readonly token: string }[];
  readonly live: number;
  readonly from: string;
  readonly fromSlab: string;
  readonly next: string;
  readonly nextSlab: string;
  readonly passed: boolean;
  readonly sectors: number;
}

const CHECKPOINT = "claim";

/**
 * Leases the unhealthy slabs of one page of sectors, in one transaction: lib/database/leases/claim-page.sql. Not idempotent: after a
 * lost answer its leases are found unsent by a later run, so a lost connection is not tried again here.
 */
export async function claimPage(
  sql: ISql,
  request: ClaimPageRequest,
  retry: RetryOptions = {},
): Promise<ClaimedPage> {
  const encoded = JSON.stringify({ checkpoint: CHECKPOINT, ...request });
  const answer = await retryTransaction(
    "claim",
    async () => {
      const [row] = await sql<{ result: Answer }[]>`
        select slabmend.claim_page(${encoded}::text::jsonb) as result`;
      return row!.result;
    },
    { ...retry, maxConnectionAttempts: 1 },
  );
  return {
    leases: answer.leases.map(({ slabId, digest, token }) => ({
      slabId: parseSlabId(slabId),
      digest: parseSlabDigest(digest),
      token: parseLeaseToken(token),
    })),
    live: answer.live,
    from: { sector: BigInt(answer.from), slab: BigInt(answer.fromSlab) },
    next: { sector: BigInt(answer.next), slab: BigInt(answer.nextSlab) },
    passed: answer.passed,
    sectors: answer.sectors,
  };
}
