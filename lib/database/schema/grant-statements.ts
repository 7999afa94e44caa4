/** The SQL for a database role with exactly the privileges that the fleet needs. Pure: make-fleet-role.ts runs it. */

import { OperatorError } from "../../errors/operator-error.ts";
import { ROLE_SETTINGS } from "../client/session-settings.ts";
import { type TablePrivileges, VERSION_PRIVILEGES } from "../indexd/version/indexd-privileges.ts";
import { FLEET_PRIVILEGES, FLEET_SEQUENCES } from "./fleet-privileges.ts";

export interface GrantOptions {
  readonly role: string;
  /** How many repairs the fleet runs at the same time. */
  readonly concurrency: number;
}

/**
 * Connections for claim and reap (two runs of each may overlap) and for the operator.
 */
const CONNECTIONS_BESIDE_REPAIRS = 5;

export const connectionLimit = (concurrency: number): number => concurrency + CONNECTIONS_BESIDE_REPAIRS;

/**
 * These timeouts are set on the role, so that they also hold behind a transaction pooler, where settings of a session
 * would not. Rule 11 of docs/architecture.md#what-must-always-hold: a worker that stops in the middle of a transaction
 * must not keep indexd waiting for longer than these timeouts.
 */
export const ROLE_TIMEOUTS = {
  statement_timeout: "15s",
  lock_timeout: "3s",
  idle_in_transaction_session_timeout: "5s",
  // With these settings the backend of a worker that dies silently keeps its connection and its locks for a minute,
  // instead of two hours.
  tcp_keepalives_idle: "30",
  tcp_keepalives_interval: "10",
  tcp_keepalives_count: "3",
} as const;

const ROLE_NAME = /^[a-z_][a-z0-9_]{0,62}$/;

/**
 * The statements as a script for psql, in a transaction of their own.
 * @throws {OperatorError} `bad-argument` if the name would have to be quoted
 */
export function grantStatements(options: GrantOptions): string {
  const { role } = options;
  return [
    `-- The role of slabmend's workers. Run as the owner of indexd's database, after slabmend init, and again after each`,
    `-- upgrade of slabmend's schema or of indexd: psql "$OWNER_URL" -f this-file. Then set the role's password, which this file does not contain:`,
    `--   psql "$OWNER_URL" -c '\\password ${role}'`,
    "begin;",
    grantBody(options),
    "commit;",
    "",
  ].join("\n");
}

/**
 * The statements without `begin` and `commit`, for a caller that has its own transaction.
 * @throws {OperatorError} `bad-argument`
 */
export function grantBody({ role, concurrency }: GrantOptions): string {
  if (!ROLE_NAME.test(role) || role === "public" || role.startsWith("pg_")) {
    throw new OperatorError({
      code: "bad-argument",
      message: `--role: expected lower-case letters, digits and underscores, got ${JSON.stringify(role.slice(0, 80))}`,
      remedy: "Choose another name, for example slabmend.",
    });
  }
  return [
    "do $$ begin",
    `  if not exists (select from pg_roles where rolname = '${role}') then`,
    `    create role ${role} login noinherit;`,
    "  end if;",
    `  execute format('grant connect on database %I to ${role}', current_database());`,
    "end $$;",
    `alter role ${role} connection limit ${connectionLimit(concurrency)};`,
    ...warnOfConnections(connectionLimit(concurrency), concurrency),
    ...Object.entries(ROLE_TIMEOUTS).map(([name, value]) => `alter role ${role} set ${name} = '${value}';`),
    ...Object.entries(ROLE_SETTINGS).map(([name, value]) => `alter role ${role} set ${name} = ${value};`),
    "do $$ begin",
    `  alter role ${role} set session_replication_role = 'origin';`,
    "exception when insufficient_privilege then",
    "  null; -- Only a superuser may set it, so only a superuser could have changed it.",
    "end $$;",
    "",
    "-- Revoke everything; the grants follow.",
    `revoke all on all tables in schema public, slabmend from ${role};`,
    `revoke all on all sequences in schema public, slabmend from ${role};`,
    `revoke all on schema public, slabmend from ${role};`,
    `grant usage on schema public, slabmend to ${role};`,
    `grant execute on all functions in schema slabmend to ${role};`,
    "",
    ...FLEET_PRIVILEGES.flatMap((table) => grantsOf(table, role)),
    ...grantsOfVersion(role),
    ...FLEET_SEQUENCES.map((sequence) => `grant usage on sequence ${sequence} to ${role};`),
  ].join("\n");
}

/**
 * How many of the server's connections the fleet must leave free: enough for indexd's own pool and one or two psql
 * sessions.
 */
export const LEFT_FOR_INDEXD = 20;

/**
 * SQL that compares the limit with max_connections, which only the server knows. If too few connections are left, psql
 * shows a warning; the privileges are granted in any case.
 */
function warnOfConnections(limit: number, concurrency: number): string[] {
  return [
    "do $$ declare",
    "  most constant integer := current_setting('max_connections')::integer;",
    "  reserved constant integer := current_setting('superuser_reserved_connections')::integer",
    "    + coalesce(current_setting('reserved_connections', true)::integer, 0);",
    "begin",
    `  if most - reserved - ${limit} < ${LEFT_FOR_INDEXD} then`,
    `    raise warning 'max_connections is %, of which % are reserved and the workers may take ${limit}: % are left, indexd needs ${LEFT_FOR_INDEXD}', most, reserved, greatest(most - reserved - ${limit}, 0)`,
    `      using hint = format('Raise max_connections to at least %s, or use a --concurrency below ${concurrency}: at most %s repairs fit.', ${limit + LEFT_FOR_INDEXD} + reserved, greatest(most - reserved - ${LEFT_FOR_INDEXD + CONNECTIONS_BESIDE_REPAIRS}, 0));`,
    "  end if;",
    "end $$;",
  ];
}

/** SQL that looks up which of these columns exist before it grants privileges on them: only the database knows. */
function grantsOfVersion(role: string): string[] {
  const grants = VERSION_PRIVILEGES.flatMap((entry) =>
    (["select", "update"] as const).flatMap((privilege) =>
      (entry[privilege] ?? []).map((column) => ({ table: entry.table, privilege, column })),
    ),
  );
  return [
    "-- Columns that exist only in some versions of indexd. Run this again after an upgrade of indexd.",
    "do $$ declare",
    "  wanted record;",
    "begin",
    "  for wanted in select * from (values",
    grants.map(({ table, privilege, column }) => `    ('${table}', '${privilege}', '${column}')`).join(",\n"),
    "  ) as w (table_name, privilege, column_name) loop",
    "    if exists (select from pg_attribute a where a.attrelid = wanted.table_name::regclass",
    "      and a.attname = wanted.column_name and not a.attisdropped) then",
    `      execute format('grant %s (%I) on %s to ${role}', wanted.privilege, wanted.column_name, wanted.table_name);`,
    "    end if;",
    "  end loop;",
    "end $$;",
  ];
}

function grantsOf(table: TablePrivileges, role: string): string[] {
  const parts = (["select", "insert", "update"] as const).flatMap((privilege) => {
    const columns = table[privilege];
    if (columns === undefined) return [];
    return columns === "all" ? [privilege] : [`${privilege} (${columns.join(", ")})`];
  });
  if (table.delete === true) parts.push("delete");
  return [`grant ${parts.join(", ")} on ${table.table} to ${role};`];
}
