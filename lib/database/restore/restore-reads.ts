/** What a restore checks before it begins, and the contracts to ask hosts about. Reads only. */
import type { ISql } from "postgres";
import { type ContractId, type HostId, parseContractId } from "../../slab/ids.ts";

interface ArchivedPlace {
  readonly incarnation: number;
  readonly position: number;
}

export interface RestoreState {
  /** 64 hex digits; null: indexd never started on this database. */
  readonly walletHash: string | null;
  /** The last journal row that the database has archived at the given place; null: it has archived none there. */
  readonly archived: ArchivedPlace | null;
  /** `archived` as it was when the first restore began to hold prunes; null: prunes are not held now. */
  readonly held: { readonly archived: ArchivedPlace | null } | null;
  /** Contracts without a known successor. */
  readonly contracts: number;
  /** Number of sectors, as counted by indexd's statistics. */
  readonly sectors: number;
  /** Other sessions of this database, except those of slabmend's command line. */
  readonly sessions: readonly { readonly role: string; readonly application: string }[];
  /**
   * Roles that may write slabs and could log in at this moment. The caller's own role is included, because indexd may
   * log in with it, too.
   */
  readonly logins: readonly { readonly role: string; readonly isSuperuser: boolean }[];
}

/**
 * Only a superuser sees the type of other roles' sessions, so sessions of unknown type count too.
 * @param follower name of the archive's follower: `archive PLACE`
 */
export async function readRestoreState(sql: ISql, follower: string): Promise<RestoreState> {
  const [row] = await sql<
    {
      wallet_hash: string | null;
      archived: RestoreState["archived"];
      held: RestoreState["held"];
      contracts: number;
      sectors: string;
      sessions: RestoreState["sessions"];
      logins: RestoreState["logins"];
    }[]
  >`
    select (select encode(g.wallet_hash, 'hex') from public.global_settings g where g.id = 0) as wallet_hash,
      (select jsonb_build_object('incarnation', f.incarnation, 'position', f.position)
        from slabmend.followers f where f.name = ${follower} and f.segment is not null) as archived,
      (select jsonb_build_object('archived', p.archived -> ${follower}) from slabmend.prune_hold p) as held,
      (select count(*)::integer from public.contracts c where c.renewed_to is null and c.state in (0, 1)) as contracts,
      (select (sum(d.n))::bigint::text
        from (select s.stat_name, s.stat_value as n from public.stats s union all select stat_name, stat_delta from public.stats_deltas) d
        where d.stat_name in ('num_pinned_sectors', 'num_unpinned_sectors', 'num_unpinnable_sectors')) as sectors,
      (select coalesce(jsonb_agg(jsonb_build_object('role', a.usename, 'application', a.application_name)), '[]')
        from pg_stat_activity a
        where a.datname = current_database() and coalesce(a.backend_type, 'client backend') = 'client backend' and a.pid <> pg_backend_pid()
          and a.application_name <> 'slabmend-cli') as sessions,
      (select coalesce(jsonb_agg(jsonb_build_object('role', r.rolname, 'isSuperuser', r.rolsuper) order by r.rolname), '[]')
        from pg_roles r
        where r.rolcanlogin and has_database_privilege(r.oid, current_database(), 'connect')
          and has_column_privilege(r.oid, 'public.slabs', 'next_repair_attempt', 'update')) as logins`;
  const { wallet_hash, archived, held, contracts, sectors, sessions, logins } = row!;
  return {
    walletHash: wallet_hash,
    archived,
    held,
    contracts,
    sectors: Number(sectors),
    sessions,
    logins,
  };
}

/** Offset of the renter's key in an encoded contract: lib/rhp4/file-contract.ts. */
const RENTER_KEY_AT = 192;

export interface UnrenewedContract {
  readonly id: string;
  readonly contractId: ContractId;
  readonly hostId: HostId;
  /** Ed25519, 32 bytes, from the revision in the database. */
  readonly renterPublicKey: Uint8Array;
}

/** The next contracts in order of their ids, without contracts that have ended or have a known successor. */
export async function readUnrenewedContracts(
  sql: ISql,
  page: { readonly after: string; readonly limit: number },
): Promise<readonly UnrenewedContract[]> {
  const rows = await sql<{ id: string; contract_id: string; host_id: HostId; renter: Uint8Array }[]>`
    select c.id::text, encode(c.contract_id, 'hex') as contract_id, c.host_id,
      substring(c.raw_revision from ${RENTER_KEY_AT + 1} for 32) as renter
    from public.contracts c
    where c.id > ${page.after}::bigint and c.renewed_to is null and c.state in (0, 1)
    order by c.id limit ${page.limit}`;
  return rows.map((row) => ({
    id: row.id,
    contractId: parseContractId(row.contract_id),
    hostId: row.host_id,
    renterPublicKey: row.renter,
  }));
}
