/**
 * Writes of a restore. The functions that take a {@link RestoreWriter} verify that the caller still coordinates the
 * run.
 */
import type { ISql } from "postgres";
import { encodeFileContract, type FileContract } from "../../rhp4/file-contract.ts";
import {
  type ContractId,
  type HostId,
  hexOf,
  type Root,
  type SectorId,
  type SlabId,
} from "../../slab/ids.ts";
import { ONLY_CONFLICTS, retryTransaction } from "../client/retry-transaction.ts";
import { storableText } from "../client/storable-text.ts";
import { type VerifyOptions, writeVerified } from "../indexd/version/write-verified.ts";
import { explainLost, readUnfinishedRun } from "../runs/maintenance-runs.ts";
import { runActive } from "../runs/run-error.ts";

/** The lease under which a coordinator writes. */
export interface RestoreWriter {
  readonly run: bigint;
  readonly token: string;
  readonly verify: VerifyOptions;
}

const MOST_OWNER_CHARACTERS = 200;

/**
 * The first write: lib/database/restore/begin-restore.sql.
 * @returns the run
 * @throws {RunError} `run-active`: another process has just begun a run
 */
export async function beginRestore(
  sql: ISql,
  request: { readonly scope: object; readonly owner: string; readonly archivedIncarnation: number },
): Promise<bigint> {
  const { scope, archivedIncarnation } = request;
  const owner = storableText(request.owner, MOST_OWNER_CHARACTERS);
  const begin = () => sql<{ id: string }[]>`
    select slabmend.begin_restore(${JSON.stringify(scope)}::text::jsonb, ${owner}, ${archivedIncarnation}::integer)::text as id`;
  try {
    const [row] = await writeVerified(
      (statement) => statement(sql),
      () => retryTransaction("begin a restore", async () => await begin(), ONLY_CONFLICTS),
    );
    return BigInt(row!.id);
  } catch (error) {
    const active = isDuplicate(error) ? await readUnfinishedRun(sql) : undefined;
    throw active === undefined ? error : runActive(active, new Date());
  }
}

/** Whether the unique index that allows only one unfinished run has refused the new run. */
const isDuplicate = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "23505";

/**
 * Calls lib/database/restore/keep-prunes-held.sql.
 * @returns the number of contracts whose prune was postponed; 0 also if prunes are not held, or were postponed less
 *   than six hours ago
 */
export async function keepPrunesHeld(sql: ISql, verify: VerifyOptions): Promise<number> {
  const keep = () => sql<{ held: number }[]>`select slabmend.keep_prunes_held()::integer as held`;
  const [row] = await writeVerified(
    (statement) => statement(sql),
    () => retryTransaction("keep prunes held", async () => await keep()),
    verify,
  );
  return row!.held;
}

/** Lets indexd prune again. False: prunes were not held. */
export async function releasePrunes(sql: ISql): Promise<boolean> {
  const [row] = await sql<{ released: boolean }[]>`select slabmend.release_prunes() as released`;
  return row!.released;
}

/**
 * Calls lib/database/restore/record-renewal.sql. False: the renewal was already recorded, or the old contract is gone.
 */
export async function recordRenewal(
  sql: ISql,
  writer: RestoreWriter,
  renewal: { readonly from: ContractId; readonly to: ContractId; readonly contract: FileContract },
): Promise<boolean> {
  const { from, to, contract } = renewal;
  const revision = JSON.stringify({
    raw: hexOf(encodeFileContract(contract)),
    number: String(contract.revisionNumber),
    proofHeight: String(contract.proofHeight),
    expirationHeight: String(contract.expirationHeight),
    capacity: String(contract.capacityBytes),
    size: String(contract.filesizeBytes),
    allowance: String(contract.renterOutput.value),
    totalCollateral: String(contract.totalCollateral),
    usedCollateral: String(contract.totalCollateral - contract.missedHostValue),
  });
  const { run, token } = writer;
  const [row] = await writing(
    sql,
    writer,
    "record a renewal",
    () => sql<{ recorded: boolean }[]>`
    select slabmend.record_renewal(${String(run)}::bigint, ${token}::uuid, decode(${from}, 'hex'), decode(${to}, 'hex'),
      ${revision}::text::jsonb) as recorded`,
  );
  return row!.recorded;
}

/**
 * lib/database/restore/unpin-contract.sql. @returns the number of unpinned sectors; fewer than `most`: the contract has
 * no sectors left
 */
export async function unpinContract(
  sql: ISql,
  writer: RestoreWriter,
  contract: ContractId,
  most: number,
): Promise<number> {
  const { run, token } = writer;
  const [row] = await writing(
    sql,
    writer,
    "unpin a contract",
    () => sql<{ unpinned: number }[]>`
    select slabmend.unpin_contract(${String(run)}::bigint, ${token}::uuid, decode(${contract}, 'hex'), ${most}::integer) as unpinned`,
  );
  return row!.unpinned;
}

/** lib/database/restore/restart-unpinned.sql. @returns null: there is no sector after `after` */
export async function restartUnpinned(
  sql: ISql,
  writer: RestoreWriter,
  page: { readonly after: string; readonly most: number },
): Promise<{ readonly last: string; readonly sectors: number } | null> {
  const { run, token } = writer;
  const [row] = await writing(
    sql,
    writer,
    "restart unpinned sectors",
    () => sql<{ last: string | null; sectors: number }[]>`
    select r.last_sector::text as last, r.sectors
    from slabmend.restart_unpinned(${String(run)}::bigint, ${token}::uuid, ${page.after}::bigint, ${page.most}::integer) r`,
  );
  const { last, sectors } = row!;
  return last === null ? null : { last, sectors };
}

/** lib/database/restore/end-restore.sql. */
export async function endRestore(sql: ISql, writer: RestoreWriter): Promise<void> {
  const { run, token } = writer;
  await writing(
    sql,
    writer,
    "end a restore",
    () => sql`select slabmend.end_restore(${String(run)}::bigint, ${token}::uuid)`,
  );
}

/** A sector that its host has just proved. */
export interface FoundSector {
  readonly index: number;
  readonly root: Root;
  readonly sectorId: SectorId;
  /** The recorded host; null: none. */
  readonly plannedHostId: HostId | null;
  readonly newHostId: HostId;
  readonly how: "found";
}

/** A sector that a host does not have, or could not prove. */
export interface AbsentSector {
  readonly sectorId: SectorId;
  readonly root: Root;
  readonly hostId: HostId;
  readonly code: "not-found" | "corrupt";
}

/**
 * A sector that its host denies. With `onlyIfTaken` it is recorded as lost only if another sector of the slab is placed
 * on this host; otherwise it counts as absent.
 */
export interface LostSector extends AbsentSector {
  readonly onlyIfTaken?: true;
}

export interface Placements {
  readonly found: readonly FoundSector[];
  /** Sectors that were not proved by their host: the one that the database records after `found` was written. */
  readonly absent: readonly AbsentSector[];
  /**
   * Sectors that a host denies, if they were recorded as lost on this host before, or if it has another sector of the
   * slab now.
   */
  readonly lost: readonly LostSector[];
  /** Sectors not proved by a host that once had them. */
  readonly earlier: readonly AbsentSector[];
}

export interface Placed {
  readonly placed: number;
  readonly lost: number;
  readonly denied: number;
  readonly refused: readonly { readonly index: number; readonly why: string }[];
}

/** lib/database/restore/place-sectors.sql. */
export async function placeSectors(
  sql: ISql,
  writer: RestoreWriter,
  slabId: SlabId,
  placements: Placements,
): Promise<Placed> {
  const json = (value: unknown): string =>
    JSON.stringify(value, (_key, each: unknown) => (typeof each === "bigint" ? String(each) : each));
  const { run, token } = writer;
  const { found, absent, lost, earlier } = placements;
  const [row] = await writing(
    sql,
    writer,
    "place sectors",
    () => sql<{ answer: Placed }[]>`
    select slabmend.place_sectors(${String(run)}::bigint, ${token}::uuid, ${String(slabId)}::bigint, ${json(found)}::text::jsonb,
      ${json(absent)}::text::jsonb, ${json(lost)}::text::jsonb, ${json(earlier)}::text::jsonb) as answer`,
  );
  return row!.answer;
}

async function writing<Row>(
  sql: ISql,
  { run, verify }: RestoreWriter,
  what: string,
  write: () => PromiseLike<Row>,
): Promise<Row> {
  try {
    return await writeVerified(
      (statement) => statement(sql),
      () => retryTransaction(what, async () => await write()),
      verify,
    );
  } catch (error) {
    throw explainLost(error, run);
  }
}
