import type { ISql } from "postgres";
import type { LeaseToken, SlabId } from "../../slab/ids.ts";
import { type RetryOptions, retryTransaction } from "../client/retry-transaction.ts";
import { wrongSessionSettings } from "../client/session-settings.ts";
import { storableText } from "../client/storable-text.ts";
import { type VerifyOptions, writeVerified } from "../indexd/version/write-verified.ts";

/** A running lease expires after this time without a heartbeat. A worker sends four heartbeats in this time. */
export const DEFAULT_LEASE_MS = 120_000;

export interface BeginRequest {
  readonly slabId: SlabId;
  readonly token: LeaseToken;
  /** A name that only this invocation has. If the answer to a call is lost, the call is repeated with the same name. */
  readonly worker: string;
  /** How long, from now, indexd is kept away from the slab: the function's timeout plus 2 minutes. */
  readonly holdMs: number;
  readonly leaseMs?: number;
}

export type StaleReason = "no-lease" | "leased-again" | "already-begun" | "slab-gone" | "indexd-claimed";

export type BeginResult =
  /** `nowMs`: the database's time, to compare with the worker's clock. */
  | { readonly kind: "begun"; readonly expiresInMs: number; readonly nowMs: number }
  /** The message is a duplicate or too late: acknowledge and drop it. */
  | { readonly kind: "stale"; readonly why: StaleReason };

const MAX_WORKER_LENGTH = 200;

/** Turns a lease into a running repair, once: lib/database/leases/begin-repair.sql. */
export async function beginRepair(
  sql: ISql,
  request: BeginRequest,
  retry: RetryOptions = {},
  verify: VerifyOptions = {},
): Promise<BeginResult> {
  const begin = (): Promise<BeginResult> =>
    retryTransaction(
      "begin",
      async (attempt) => {
        const encoded = JSON.stringify({
          slabId: String(request.slabId),
          token: request.token,
          worker: storableText(request.worker, MAX_WORKER_LENGTH),
          holdMs: request.holdMs,
          leaseMs: request.leaseMs ?? DEFAULT_LEASE_MS,
          again: attempt > 1,
        });
        // Checked at each begin, not only at the start: a pooler may use another session, which has other settings.
        const [row] = await sql<{ isolation: string; result: BeginResult | null }[]>`
        select current_setting('transaction_isolation') as isolation,
          case when current_setting('transaction_isolation') = 'read committed'
            then slabmend.begin_repair(${encoded}::text::jsonb) end as result`;
        const { isolation, result } = row!;
        if (result !== null) return result;
        throw wrongSessionSettings([`transaction_isolation is ${isolation}, expected read committed`]);
      },
      retry,
    );
  return await writeVerified((statement) => statement(sql), begin, verify);
}
