import type { ISql } from "postgres";
import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../../slab/ids.ts";
import type { LeasedSlab } from "../../slab/leased-slab.ts";
import { type RetryOptions, retryTransaction } from "../client/retry-transaction.ts";

export interface UrgencyRequest {
  /** Leases made at most. */
  readonly maxLeases: number;
  /** Leases of that kind that may exist at most afterwards; null: any number, and they are not counted. */
  readonly maxInFlight: number | null;
  /** Whose leases are made and counted: the queue's, or those of machines that lease for themselves. */
  readonly throughQueue: boolean;
  readonly holdMs: number;
  /** How long past its next_repair_attempt a slab is left to indexd, unless that value is ours. */
  readonly graceMs: number;
  /** Slabs above this loss probability are in danger: no budget keeps them waiting. */
  readonly dangerAbove: number;
  /** Leases at most of slabs that are not in danger; null: any number. */
  readonly mostOrdinary: number | null;
  /** Who has waited for longer gets a share of every batch, whatever is more urgent. */
  readonly patienceMs: number;
  /** 0..1 */
  readonly patientShare: number;
  /** 0 or more, below 1, at random: rounds the patients' places up or down. */
  readonly chance: number;
  /** The same, for slabs beyond rescue: half of those places at most are theirs. */
  readonly beyondRescueChance: number;
}

export interface UrgentLease extends LeasedSlab {
  readonly margin: number;
  readonly urgency: number;
}

export interface UrgencyBatch {
  /** Most urgent first, after those whose patience was at its end. */
  readonly leases: readonly UrgentLease[];
  /** Leases of that kind that exist now; null: not counted. */
  readonly live: number | null;
  readonly examined: number;
  readonly postponed: number;
  readonly healed: number;
  /** Slabs that have become better, but not well: to be judged anew. */
  readonly changed: number;
  /** Nothing that may be leased was left behind. */
  readonly dry: boolean;
}

interface Answer extends Omit<UrgencyBatch, "leases"> {
  /** Column by column: digests as bytea is written, "\\x" and hexadecimal. */
  readonly leases: {
    readonly slabIds: readonly string[];
    readonly digests: readonly string[];
    readonly tokens: readonly string[];
    readonly margins: readonly number[];
    readonly urgencies: readonly number[];
  };
}

/**
 * Leases the most urgent slabs of the backlog, in one transaction: lib/database/leases/lease-by-urgency.sql. Not idempotent, as claimPage
 * is not, and for the same reason.
 */
export async function leaseByUrgency(
  sql: ISql,
  request: UrgencyRequest,
  retry: RetryOptions = {},
): Promise<UrgencyBatch> {
  const encoded = JSON.stringify(request);
  const answer = await retryTransaction(
    "claim",
    async () => {
      const [row] = await sql<{ result: Answer }[]>`
        select slabmend.lease_by_urgency(${encoded}::text::jsonb) as result`;
      return row!.result;
    },
    { ...retry, maxConnectionAttempts: 1 },
  );
  const { slabIds, digests, tokens, margins, urgencies } = answer.leases;
  return {
    ...answer,
    leases: slabIds.map((slabId, n) => ({
      slabId: parseSlabId(slabId),
      digest: parseSlabDigest(digests[n]!.slice("\\x".length)),
      token: parseLeaseToken(tokens[n]!),
      margin: margins[n]!,
      urgency: urgencies[n]!,
    })),
  };
}
