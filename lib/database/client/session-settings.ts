/**
 * Session settings that our statements rely on, and that a database or a role may override. `slabmend grant` sets them
 * on the role, so that they hold behind a transaction pooler too; doctor shows them; without these settings no lease is
 * made or begun.
 */
import type { ISql } from "postgres";
import { StoreError } from "./store-error.ts";

export interface SessionSettings {
  readonly isolation: string;
  readonly byteaOutput: string;
  /** Undefined: the role may not read this setting. */
  readonly replicationRole: string | undefined;
  /** The schemas of the search path that exist. */
  readonly searchPath: readonly string[];
}

/**
 * Names of settings, with values as in `alter role ... set`. Without session_replication_role: only a superuser may set
 * it.
 */
export const ROLE_SETTINGS = {
  default_transaction_isolation: "'read committed'",
  bytea_output: "'hex'",
  search_path: `"$user", public`,
} as const;

export async function readSessionSettings(sql: ISql): Promise<SessionSettings> {
  const [row] = await sql<
    { isolation: string; bytea: string; replication: string | null; schemas: string[] }[]
  >`
    select current_setting('transaction_isolation') as isolation, current_setting('bytea_output') as bytea,
      current_setting('session_replication_role', true) as replication,
      to_json(current_schemas(false)) as schemas`;
  return {
    isolation: row!.isolation,
    byteaOutput: row!.bytea,
    replicationRole: row!.replication ?? undefined,
    searchPath: row!.schemas,
  };
}

/** One sentence for each wrong setting: "name is …, expected …: reason". Pure. */
export function wrongSettings(settings: SessionSettings): string[] {
  const { isolation, byteaOutput, replicationRole = "origin", searchPath } = settings;
  const wrong: string[] = [];
  if (isolation !== "read committed") {
    wrong.push(
      `default_transaction_isolation is ${isolation}, expected read committed: leases and commits depend on it`,
    );
  }
  if (byteaOutput !== "hex") {
    wrong.push(`bytea_output is ${byteaOutput}, expected hex: otherwise keys and roots cannot be read`);
  }
  if (replicationRole !== "origin") {
    wrong.push(
      `session_replication_role is ${replicationRole}, expected origin: otherwise no trigger fires, not even indexd's`,
    );
  }
  if (!searchPath.includes("public")) {
    wrong.push(
      `search_path is ${searchPath.join(", ") || "empty"}, expected to include public: indexd's triggers name its tables without a schema`,
    );
  }
  return wrong;
}

/** @throws {StoreError} `wrong-session-settings` */
export async function assertSessionSettings(sql: ISql): Promise<void> {
  const wrong = wrongSettings(await readSessionSettings(sql));
  if (wrong.length > 0) throw wrongSessionSettings(wrong);
}

export function wrongSessionSettings(wrong: readonly string[]): StoreError {
  return new StoreError({
    code: "wrong-session-settings",
    message: `the session's settings: ${wrong.join("; ")}`,
    remedy:
      "Run the statements that `slabmend grant` prints, as the owner of the database: they set these settings on the role, which overrides the database's own settings. If a setting is still wrong, it is also set for this role in this database, which overrides both: \\drds in psql shows it.",
    details: { wrong: wrong.length },
  });
}
