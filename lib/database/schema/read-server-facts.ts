import type { ISql } from "postgres";

/** Facts about the database server and the connected role. */
export interface ServerFacts {
  /** For example 180004. */
  readonly versionNumber: number;
  /** Milliseconds since the epoch, by the server's clock. */
  readonly clockMs: number;
  readonly role: string;
  readonly isSuperuser: boolean;
  /** -1: no limit. */
  readonly roleConnectionLimit: number;
  readonly maxConnections: number;
  /** How many connections are reserved for superusers and similar roles. */
  readonly reservedConnections: number;
  /** Present connections of other roles. */
  readonly otherConnections: number;
  readonly ownConnections: number;
  /** Undefined: connected over a Unix socket. */
  readonly serverPort: number | undefined;
  readonly isEncrypted: boolean;
  readonly takesWrites: boolean;
  readonly isReplica: boolean;
  readonly timeouts: Readonly<
    Record<"statement_timeout" | "lock_timeout" | "idle_in_transaction_session_timeout", string>
  >;
}

/** Reads the facts in one statement, from the catalogue, system views and settings, which every role may read. */
export async function readServerFacts(sql: ISql): Promise<ServerFacts> {
  const [row] = await sql<
    {
      version: number;
      clock_ms: number;
      role: string;
      super: boolean;
      role_limit: number;
      max: number;
      reserved: number;
      others: number;
      own: number;
      port: number | null;
      encrypted: boolean | null;
      read_only: boolean;
      replica: boolean;
      statement: string;
      lock: string;
      idle: string;
    }[]
  >`
    select current_setting('server_version_num')::integer as version,
      (extract(epoch from clock_timestamp()) * 1000)::double precision as clock_ms,
      r.rolname::text as role, r.rolsuper as super, r.rolconnlimit as role_limit,
      current_setting('max_connections')::integer as max,
      current_setting('superuser_reserved_connections')::integer
        + coalesce(current_setting('reserved_connections', true)::integer, 0) as reserved,
      (select count(*)::integer from pg_stat_activity where usename <> current_user) as others,
      (select count(*)::integer from pg_stat_activity where usename = current_user) as own,
      inet_server_port() as port,
      (select ssl from pg_stat_ssl where pid = pg_backend_pid()) as encrypted,
      current_setting('transaction_read_only') = 'on' as read_only, pg_is_in_recovery() as replica,
      current_setting('statement_timeout') as statement,
      current_setting('lock_timeout') as lock,
      current_setting('idle_in_transaction_session_timeout') as idle
    from pg_roles r where r.rolname = current_user`;
  return {
    versionNumber: row!.version,
    clockMs: row!.clock_ms,
    role: row!.role,
    isSuperuser: row!.super,
    roleConnectionLimit: row!.role_limit,
    maxConnections: row!.max,
    reservedConnections: row!.reserved,
    otherConnections: row!.others,
    ownConnections: row!.own,
    serverPort: row!.port ?? undefined,
    isEncrypted: row!.encrypted === true,
    takesWrites: !row!.read_only,
    isReplica: row!.replica,
    timeouts: {
      statement_timeout: row!.statement,
      lock_timeout: row!.lock,
      idle_in_transaction_session_timeout: row!.idle,
    },
  };
}
