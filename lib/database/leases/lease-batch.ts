import type { ISql } from "postgres";
import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../../slab/ids.ts";
import type { LeasedSlab } from "../../slab/leased-slab.ts";
import { type RetryOptions, retryTransaction } from "../client/retry-transaction.ts";

export interface BatchRequest {
  /**
   * `urgency`: the most urgent slabs first. `waiting`: the slabs that have waited longest first, if they have waited
   * for more than `waitedMs`.
   */
  readonly order: "urgency" | "waiting";
  readonly waitedMs: number;
  /** Only slabs whose urgency is above this. */
  readonly urgencyAbove: number;
  /**
   * Slabs whose loss probability is above this are endangered: our hold after a successful repair does not delay their
   * lease.
   */
  readonly dangerAbove: number;
  /** At most this many leases are made. */
  readonly maxLeases: number;
  /**
   * The most leases of the same kind (`throughQueue`) that may exist afterwards; null: no limit, and they are not
   * counted.
   */
  readonly maxInFlight: number | null;
  /** The kind of the leases that are made and counted: for the queue, or for machines that lease for themselves. */
  readonly throughQueue: boolean;
  readonly holdMs: number;
  /**
   * indexd's grace: how long after its next_repair_attempt a slab is left to indexd. No grace applies if slabmend wrote
   * that value.
   */
  readonly graceMs: number;
}

export interface RankedLease extends LeasedSlab {
  readonly margin: number;
  readonly urgency: number;
}

export interface LeasedBatch {
  /** In the requested order. */
  readonly leases: readonly RankedLease[];
  /** How many leases of the requested kind there are now; null: they were not counted. */
  readonly live: number | null;
  /** True: no slab is left that matches the request. */
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
 * Leases a batch of ready slabs in one transaction: lib/database/leases/lease-batch.sql. Not idempotent, so not retried
 * after a lost connection: if the leases were made and only the answer was lost, a later run finds these leases and
 * sends their messages.
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
