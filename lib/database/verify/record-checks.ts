import type { ISql } from "postgres";
import type { HostId, Root, SectorId } from "../../slab/ids.ts";
import { retryTransaction } from "../client/retry-transaction.ts";
import { type VerifyOptions, writeVerified } from "../indexd/version/write-verified.ts";
import { explainLost } from "../runs/maintenance-runs.ts";

/**
 * A sector claimed for a check: lib/database/verify/claim-checks.sql. Times are in PostgreSQL's format, exact to the
 * microsecond.
 */
export interface CheckClaim {
  readonly sectorId: SectorId;
  readonly root: Root;
  readonly hostId: HostId;
  readonly mapId: number | null;
  readonly claimedUntil: string;
  readonly previous: string;
}

export interface ClaimRequest {
  readonly run: bigint;
  readonly token: string;
  readonly sectorIds: readonly SectorId[];
  /** Sectors that are no longer on this host are not claimed; null: sectors on any host are claimed. */
  readonly onlyHost: HostId | null;
}

/** @throws {RunError} `run-lease-lost`: nothing was written */
export async function claimChecks(
  sql: ISql,
  { run, token, sectorIds, onlyHost }: ClaimRequest,
  verify: VerifyOptions,
): Promise<readonly CheckClaim[]> {
  const ids = `{${sectorIds.join(",")}}`;
  const claim = () => sql<{ claims: (Omit<CheckClaim, "sectorId"> & { sectorId: number | string })[] }[]>`
    select slabmend.claim_checks(${String(run)}::bigint, ${token}::uuid, ${ids}::text::bigint[], ${onlyHost}::integer) as claims`;
  const [row] = await writing(sql, run, "claim checks", claim, verify);
  return row!.claims.map((entry) => ({ ...entry, sectorId: BigInt(entry.sectorId) as SectorId }));
}

export interface CheckedBatch {
  readonly run: bigint;
  readonly token: string;
  /** Each batch of a run has a higher number than the one before; recording a batch again changes nothing. */
  readonly batch: number;
  readonly checkpoint: object;
  /** The run's sums before this batch; the SQL function adds the batch's counts to them. */
  readonly statistics: { readonly confirmed: number; readonly denied: number; readonly superseded: number };
  readonly confirmed: readonly CheckClaim[];
  readonly denied: readonly (CheckClaim & { readonly code: "not-found" | "corrupt" })[];
  /** Claims without a result. */
  readonly released: readonly CheckClaim[];
}

/** lib/database/verify/record-checks.sql. @throws {RunError} `run-lease-lost`: nothing was written */
export async function recordChecks(
  sql: ISql,
  { run, token, ...batch }: CheckedBatch,
  verify: VerifyOptions,
): Promise<{ readonly ignored: boolean }> {
  const request = JSON.stringify(batch, (_key, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  const record = () => sql<{ answer: { ignored: boolean } }[]>`
    select slabmend.record_checks(${String(run)}::bigint, ${token}::uuid, ${request}::text::jsonb) as answer`;
  const [row] = await writing(sql, run, "record checks", record, verify);
  return row!.answer;
}

async function writing<Row>(
  sql: ISql,
  run: bigint,
  what: string,
  write: () => Promise<Row>,
  verify: VerifyOptions,
): Promise<Row> {
  try {
    return await writeVerified(
      (statement) => statement(sql),
      () => retryTransaction(what, write),
      verify,
    );
  } catch (error) {
    throw explainLost(error, run);
  }
}
