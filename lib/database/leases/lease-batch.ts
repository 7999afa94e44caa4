import type { ISql } from "postgres";
import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../../slab/ids.ts";
import type { LeasedSlab } from "../../slab/leased-slab.ts";
import { type RetryOptions, retryTransaction } from "../client/retry-transaction.ts";

export interface BatchRequest {
  /** The most urgent slabs; or those that have waited longest, if for more than `waitedMs`. */
  readonly order: "urgency" | "waiting";
  readonly waitedMs: number;
  /** Only slabs whose urgency is above this. */
  readonly urgencyAbove: number;
  /** Slabs whose loss probability is above this are endangered: our hold after a success does not keep them. */
  readonly dangerAbove: number;
  /** Leases made at most. */
  readonly maxLeases: number;
  /** Leases of that kind that may exist at most afterwards; null: any number, and they are not counted. */
  readonly maxInFlight: number | null;
  /** Which leases are made and counted: the queue's, or those of machines that lease for themselves. */
  readonly throughQueue: boolean;
  readonly holdMs: number;
  /** How long past its next_repair_attempt a slab is left to indexd, unless that value is ours. */
  readonly graceMs: number;
}

export interface RankedLease extends LeasedSlab {
  readonly margin: number;
  readonly urgency: number;
}

export interface LeasedBatch {
  /** In the order requested. */
  readonly leases: readonly RankedLease[];
  /** Leases of that kind that exist now; null: not counted. */
  readonly live: number | null;
  /** No other slab fits the request. */
  readonly dry: boolean;
}

interface Answer extends Omit<LeasedBatch, "leases"> {
  readonly leases: readonly {
    readonly slabId: string;
    readonly digest: string;
    readonly token: string;
    readonly margin: number;
    readonly urgency: number;
  }[];
}

/**
 * Leases a batch of ready slabs in one transaction: lib/database/leases/lease-batch.sql. Not idempotent: after a lost answer a
 * later run finds its leases unsent, so a lost connection is not retried here.
 */
export async function leaseBatch(
  sql: ISql,
  request: BatchRequest,
  retry: RetryOptions = {},
): Promise<LeasedBatch> {
  const encoded = JSON.stringify(request);
  const answer = await retryTransaction(
    "claim",
    async () => {
      const [row] = await sql<{ result: Answer }[]>`
        select slabmend.lease_batch(${encoded}::text::jsonb) as result`;
      return row!.result;
    },
    { ...retry, maxConnectionAttempts: 1 },
  );
  return {
    ...answer,
    leases: answer.leases.map((lease) => ({
      slabId: parseSlabId(lease.slabId),
      digest: parseSlabDigest(lease.digest),
      token: parseLeaseToken(lease.token),
      margin: lease.margin,
      urgency: lease.urgency,
    })),
  };
}
