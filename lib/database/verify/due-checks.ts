/**
 * Due checks are shared with indexd and other workers: they are claimed in indexd's own column, as indexd does it, so a
 * claim needs no row of ours (docs/decisions/0025-maintenance.md#due-checks-have-no-rows-of-ours).
 */
import type { ISql } from "postgres";
import type { HostId, Root, SectorId } from "../../slab/ids.ts";
import { retryTransaction } from "../client/retry-transaction.ts";
import { type VerifyOptions, writeVerified } from "../indexd/version/write-verified.ts";

/**
 * Sectors of one host, claimed together. Their next_integrity_check identifies the claim: any change of it ends the
 * claim.
 */
export interface DueBatch {
  readonly hostId: HostId;
  /** In PostgreSQL's format, exact to the microsecond. */
  readonly claimedUntil: string;
  readonly sectorIds: readonly SectorId[];
}

/** A sector of a batch that we still have claimed. */
export interface DueSector {
  readonly sectorId: SectorId;
  readonly root: Root;
  readonly hostId: HostId;
  readonly mapId: number | null;
  readonly claimedUntil: string;
}

export interface DueHost {
  readonly hostId: HostId;
  readonly oldestDue: Date;
}

/**
 * Hosts that have a due check and are not marked silent, the longest overdue first. For each host it reads one entry of
 * the index on sectors (host_id, next_integrity_check).
 */
export async function readDueHosts(sql: ISql, limit: number): Promise<readonly DueHost[]> {
  return await sql<DueHost[]>`
    select h.id as "hostId", o.next_integrity_check as "oldestDue"
    from public.hosts h
    cross join lateral (
      select s.next_integrity_check from public.sectors s
      where s.host_id = h.id order by s.next_integrity_check limit 1
    ) o
    left join slabmend.silent_hosts q on q.host_id = h.id
    where o.next_integrity_check <= clock_timestamp() and (q.until is null or q.until <= clock_timestamp())
    order by o.next_integrity_check limit ${limit}`;
}

/** Undefined: no check of the host is due, or the due sectors are locked. lib/database/verify/claim-due-checks.sql */
export async function claimDueChecks(
  sql: ISql,
  { hostId, most }: { readonly hostId: HostId; readonly most: number },
  verify: VerifyOptions,
): Promise<DueBatch | undefined> {
  const claim = () => sql<{ until: string; ids: string[] }[]>`
    select claimed_until::text as until, to_jsonb(sector_ids::text[]) as ids
    from slabmend.claim_due_checks(${hostId}::integer, ${most}::integer)`;
  const [row] = await writeVerified(
    (statement) => statement(sql),
    () => retryTransaction("claim due checks", async () => await claim()),
    verify,
  );
  if (row!.ids.length === 0) return undefined;
  return { hostId, claimedUntil: row!.until, sectorIds: row!.ids.map((id) => BigInt(id) as SectorId) };
}

/**
 * The sectors of a batch that are still claimed. Some are missing if the batch was already recorded, a claim has
 * expired, or indexd moved a sector. Empty if the fleet is not running, for example paused: unchecked sectors become
 * due again when the claim expires.
 */
export async function readDueBatch(
  sql: ISql,
  { hostId, claimedUntil, sectorIds }: DueBatch,
): Promise<readonly DueSector[]> {
  const rows = await sql<{ id: string; root: Root; mapId: number | null }[]>`
    select s.id::text, encode(s.sector_root, 'hex') as root, s.contract_sectors_map_id as "mapId"
    from public.sectors s
    where s.id = any (${`{${sectorIds.join(",")}}`}::text::bigint[]) and s.host_id = ${hostId}
      and s.next_integrity_check = ${claimedUntil}::text::timestamptz and s.next_integrity_check > clock_timestamp()
      and (select f.mode from slabmend.fleet f) = 'running'
    order by s.sector_root`;
  return rows.map(({ id, root, mapId }) => ({
    sectorId: BigInt(id) as SectorId,
    root,
    hostId,
    mapId,
    claimedUntil,
  }));
}

export interface DueAnswers {
  readonly hostId: HostId;
  readonly confirmed: readonly DueSector[];
  readonly denied: readonly (DueSector & { readonly code: "not-found" | "corrupt" })[];
  /** Number of sectors. */
  readonly wrongData: number;
  readonly unanswered: number;
  readonly hastings: bigint;
}

export interface RecordedChecks {
  readonly confirmed: number;
  readonly denied: number;
  readonly superseded: number;
  /** No denial was recorded: so many hosts deny sectors at this moment that the fault must be ours. */
  readonly ignored: boolean;
}

/**
 * lib/database/verify/record-due-checks.sql. Not repeated after a lost connection, because a second call would count
 * the batch again: sectors without a recorded result are due again when the claim expires.
 */
export async function recordDueChecks(
  sql: ISql,
  answers: DueAnswers,
  verify: VerifyOptions,
): Promise<RecordedChecks> {
  const request = JSON.stringify(answers, (_key, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  const record = () => sql<{ recorded: RecordedChecks }[]>`
    select slabmend.record_due_checks(${request}::text::jsonb) as recorded`;
  const [row] = await writeVerified(
    (statement) => statement(sql),
    () => retryTransaction("record due checks", async () => await record(), { maxConnectionAttempts: 1 }),
    verify,
  );
  return row!.recorded;
}
