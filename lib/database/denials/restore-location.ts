import type { ISql } from "postgres";
import { type HostId, parseRoot, type Root, type SectorId } from "../../slab/ids.ts";
import { retryTransaction } from "../client/retry-transaction.ts";
import { type VerifyOptions, writeVerified } from "../indexd/version/write-verified.ts";

/**
 * `restored`: the sector had no host; `cleared`: it was still recorded on this host, so only its denial was removed.
 */
export type RestoreResult =
  | "restored"
  | "cleared"
  | "sector-gone"
  | "located-elsewhere"
  | "host-gone"
  | "host-blocked"
  | "host-without-good-contract"
  | "host-taken";

export interface Location {
  readonly sectorId: SectorId;
  readonly root: Root;
  readonly hostId: HostId;
}

/** Records a sector on the host that has just served all of it: lib/database/denials/restore-location.sql. */
export async function restoreLocation(
  sql: ISql,
  { sectorId, root, hostId }: Location,
  verify: VerifyOptions = {},
): Promise<RestoreResult> {
  const restore = async (): Promise<RestoreResult> => {
    const [row] = await sql<{ result: RestoreResult }[]>`
      select slabmend.restore_location(${String(sectorId)}::bigint, ${Buffer.from(root, "hex")}::bytea, ${hostId}::integer) as result`;
    return row!.result;
  };
  return await writeVerified(
    (statement) => statement(sql),
    () => retryTransaction("restore location", restore),
    verify,
  );
}

/** A sector by its id or its root; undefined: indexd has no such sector. */
export async function findSector(
  sql: ISql,
  text: string,
): Promise<Pick<Location, "sectorId" | "root"> | undefined> {
  const where =
    /^\d+$/.test(text) && text.length < 19 ? sql`id = ${text}` : sql`sector_root = decode(${text}, 'hex')`;
  const [row] = await sql<{ id: string; root: string }[]>`
    select id::text, encode(sector_root, 'hex') as root from public.sectors where ${where}`;
  return row === undefined ? undefined : { sectorId: BigInt(row.id) as SectorId, root: parseRoot(row.root) };
}
