import type { ISql } from "postgres";

/** Facts about one of the two servers of a move, and about the database to which we are connected there. */
export interface MoveServer {
  /** For example 180004. */
  readonly versionNumber: number;
  readonly role: string;
  readonly isSuperuser: boolean;
  readonly isReplica: boolean;
  /**
   * Identifies the server's data directory: two databases with the same identifier and the same oid are the same
   * database.
   */
  readonly systemIdentifier: string;
  readonly databaseOid: string;
  readonly database: string;
  readonly owner: string;
  readonly bytes: number;
  /** The server's time, in milliseconds since the epoch. */
  readonly nowMs: number;
  readonly encoding: string;
  /** Provider, collation, character type and ICU locale, as one text to compare. */
  readonly locale: string;
  /** The server's settings by name, without settings that its version of PostgreSQL does not have. */
  readonly settings: Readonly<Record<string, string>>;
  readonly slotsUsed: number;
  readonly walSendersUsed: number;
  /** Running logical replication workers. */
  readonly workersUsed: number;
  readonly originsUsed: number;
}

const SETTINGS = [
  "wal_level",
  "max_replication_slots",
  "max_wal_senders",
  "max_slot_wal_keep_size",
  "max_worker_processes",
  "max_logical_replication_workers",
  "max_sync_workers_per_subscription",
  "max_active_replication_origins",
  "idle_replication_slot_timeout",
];

/**
 * Reads only the catalogue, in one statement. Only a superuser or a member of pg_monitor may read the system
 * identifier.
 */
export async function readMoveServer(sql: ISql): Promise<MoveServer> {
  const [row] = await sql<
    {
      version: number;
      role: string;
      super: boolean;
      replica: boolean;
      system: string;
      oid: string;
      name: string;
      owner: string;
      bytes: string;
      now: number;
      encoding: string;
      locale: string;
      settings: Record<string, string>;
      slots: number;
      senders: number;
      workers: number;
      origins: number;
    }[]
  >`
    select current_setting('server_version_num')::integer as version, current_user::text as role,
      (select rolsuper from pg_roles where rolname = current_user) as super, pg_is_in_recovery() as replica,
      (select system_identifier::text from pg_control_system()) as system,
      d.oid::text, d.datname::text as name, pg_get_userbyid(d.datdba)::text as owner, pg_database_size(d.oid)::text as bytes,
      (extract(epoch from clock_timestamp()) * 1000)::double precision as now,
      pg_encoding_to_char(d.encoding)::text as encoding,
      concat_ws(' ', d.datlocprovider::text, d.datcollate::text, d.datctype::text,
        coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')) as locale,
      (select jsonb_object_agg(s.name, s.setting || coalesce(
          case when s.unit = 'MB' and s.setting <> '-1' then ' MB' end, ''))
        from pg_settings s where s.name in ${sql(SETTINGS)}) as settings,
      (select count(*)::integer from pg_replication_slots) as slots,
      (select count(*)::integer from pg_stat_replication) as senders,
      (select count(*)::integer from pg_stat_subscription where pid is not null) as workers,
      (select count(*)::integer from pg_replication_origin) as origins
    from pg_database d where d.datname = current_database()`;
  return {
    versionNumber: row!.version,
    role: row!.role,
    isSuperuser: row!.super,
    isReplica: row!.replica,
    systemIdentifier: row!.system,
    databaseOid: row!.oid,
    database: row!.name,
    owner: row!.owner,
    bytes: Number(row!.bytes),
    nowMs: row!.now,
    encoding: row!.encoding,
    locale: row!.locale,
    settings: row!.settings,
    slotsUsed: row!.slots,
    walSendersUsed: row!.senders,
    workersUsed: row!.workers,
    originsUsed: row!.origins,
  };
}
