import type { ISql } from "postgres";
import type {
  ContractId,
  ContractMapId,
  HostId,
  LeaseToken,
  Root,
  SectorId,
  SlabDigest,
  SlabId,
} from "../../slab/ids.ts";
import { MAX_SHARDS } from "../../slab/sizes.ts";
import { type RetryOptions, retryTransaction } from "../client/retry-transaction.ts";
import { storableText } from "../client/storable-text.ts";
import { type VerifyOptions, writeVerified } from "../indexd/version/write-verified.ts";
import { commitWrites, type JobKind, type OutcomeKind } from "./outcome-writes.ts";

/** A sector that its new host acknowledged, and where the sector was when the repair was planned. */
export interface CommitMove {
  readonly index: number;
  readonly root: Root;
  readonly sectorId: SectorId;
  readonly plannedHostId: HostId | null;
  readonly plannedMapId: ContractMapId | null;
  readonly plannedContractId: ContractId | null;
  readonly newHostId: HostId;
  /** `found`: an earlier repair had stored the sector on the new host, but not committed the move. */
  readonly how: "copied" | "rebuilt" | "found";
}

/**
 * A denial: a host answered with one of the two errors that mean that it does not have this sector. It is not yet a
 * loss.
 */
export interface DenialReport {
  readonly root: Root;
  readonly sectorId: SectorId;
  readonly hostId: HostId;
  /**
   * If given, the denial counts only if this row of contract_sectors_map still pins the sector (null: still unpinned).
   */
  readonly plannedMapId?: ContractMapId | null;
  readonly code: "not-found" | "corrupt";
  /** The whole sector was requested, not a range of it. */
  readonly whole: boolean;
  /** The host served other sectors and then denied this sector again, so it has not lost its whole index. */
  readonly othersServed: boolean;
}

/** A host that had denied this sector has served all of it, with the pinned root. */
export interface ServedReport {
  readonly sectorId: SectorId;
  readonly hostId: HostId;
}

export interface CommitRequest {
  readonly slabId: SlabId;
  readonly digest: SlabDigest;
  readonly token: LeaseToken;
  readonly worker: string;
  readonly kind: JobKind;
  /** `error`: a stable code, not a message. */
  readonly outcome: { readonly kind: OutcomeKind; readonly error?: string };
  readonly moves: readonly CommitMove[];
  readonly denied: readonly DenialReport[];
  readonly served: readonly ServedReport[];
  /** Shards that are pinned wrongly: no subset of the other shards reproduces their pinned root. */
  readonly badShards: readonly { readonly index: number; readonly root: Root }[];
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly hastings: bigint;
  readonly phasesMs: Readonly<Record<string, number>>;
}

/** Why a move was not recorded. If the reason is one of the last four in this list, the sector still has to move. */
export type DropReason =
  | "sector-gone"
  | "healthy-again"
  | "sector-moved"
  | "contract-renewed"
  | "host-gone"
  | "host-blocked"
  | "host-without-good-contract"
  | "host-taken";

/** Why a commit changed no row of indexd. */
export type SupersededReason =
  | "lease-gone"
  | "reaped"
  | "never-begun"
  | "slab-gone"
  | "indexd-claimed"
  /** The lease expired more than an hour ago, because the worker or the database was suspended. */
  | "lease-expired"
  | "reported-stale"
  /** indexd's database must not be written to before an operator has checked it. */
  | "indexd-changed";

export type CommitResult =
  | {
      readonly kind: "committed";
      /** The recorded outcome. It may differ from the reported one, for example if moves were dropped. */
      readonly outcome: OutcomeKind;
      /** Indices of the recorded moves. */
      readonly recorded: readonly number[];
      readonly dropped: readonly { readonly index: number; readonly why: DropReason }[];
      readonly denialsRecorded: number;
      /** No denial was recorded: so many hosts deny sectors at this moment that the cause must be on our side. */
      readonly denialsIgnored: boolean;
      /** How many denials, of this or an earlier commit, became losses in indexd's tables. */
      readonly lostRecorded: number;
      /** No sector of the slab needs to move any more. */
      readonly slabFinished: boolean;
    }
  | { readonly kind: "superseded"; readonly why: SupersededReason }
  /** An earlier call with this token has committed the repair, but its answer was lost. */
  | { readonly kind: "already-committed"; readonly outcome: OutcomeKind };

const MAX_ERROR_LENGTH = 200;

/**
 * Ends a repair: records its moves, if it has any, and releases its lease. One idempotent statement, fenced by the
 * token, and retried after conflicts, lost connections and an upgrade of indexd. lib/database/leases/commit-repair.sql
 * describes its locks, checks and writes.
 * @throws {StoreError} `retries-exhausted` or `fate-unknown`: call again with the same token, or leave the lease to
 * reap.
 */
export async function commitRepair(
  sql: ISql,
  request: CommitRequest,
  retry: RetryOptions = {},
  verify: VerifyOptions = {},
): Promise<CommitResult> {
  const encoded = encodeCommitRequest(request);
  const commit = async (): Promise<CommitResult> => {
    const [row] = await sql<{ result: CommitResult }[]>`
      select slabmend.commit_repair(${encoded}::text::jsonb) as result`;
    return row!.result;
  };
  return await writeVerified(
    (statement) => statement(sql),
    () => retryTransaction("commit", commit, retry),
    verify,
  );
}

/** Encodes the request of slabmend.commit_repair. Ids are sent as text, or as numbers that are exact in JSON. */
function encodeCommitRequest(request: CommitRequest): string {
  if (request.moves.length > MAX_SHARDS || request.denied.length > MAX_SHARDS) {
    throw new RangeError(`commit: expected at most ${MAX_SHARDS} moves and at most ${MAX_SHARDS} denials`);
  }
  const { error } = request.outcome;
  return JSON.stringify(
    {
      slabId: request.slabId,
      digest: request.digest,
      token: request.token,
      kind: request.kind,
      outcome: {
        kind: request.outcome.kind,
        ...(error === undefined ? {} : { error: storableText(error, MAX_ERROR_LENGTH) }),
      },
      moves: request.moves,
      denied: request.denied,
      served: request.served,
      badShards: request.badShards,
      bytesRead: Math.round(request.bytesRead),
      bytesWritten: Math.round(request.bytesWritten),
      hastings: request.hastings,
      phasesMs: request.phasesMs,
      writes: commitWrites(request.outcome.kind, request.kind),
    },
    (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value),
  );
}
