/**
 * What every statement of ours relies on in its session, and which may be set otherwise for a database or a role. `slabmend grant`
 * sets it on the role, so that it holds behind a transaction pooler too; doctor shows it; nothing is leased or begun without it.
 */
import type { ISql } from "postgres";
import { StoreError } from "./store-error.ts";

export interface SessionSettings {
  readonly isolation: string;
  readonly byteaOutput: string;
  /** Undefined: the role may not even read it. */
  readonly replicationRole: string | undefined;
  /** Schemas that are searched, and that are there. */
  readonly searchPath: readonly string[];
}

/** By name, as they stand in `alter role ... set`. session_replication_role is a superuser's to set. */
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

/** Each as "name is …, expected …: why". Pure. */
export function wrongSettings(settings: SessionSettings): string[] {
  const { isolation, byteaOutput, replicationRole = "origin", searchPath } = settings;
  const wrong: string[] = [];
  if (isolation !== "read committed") {
    wrong.push(
      `default_transaction_isolation is ${isolation}, expected read committed: leases and commits wait for each other`,
    );
  }
  if (byteaOutput !== "hex") {
    wrong.push(`bytea_output is ${byteaOutput}, expected hex: keys and roots could not be read`);
  }
  if (replicationRole !== "origin") {
    wrong.push(
      `session_replication_role is ${replicationRole}, expected origin: no trigger would fire, indexd's neither`,
    );
  }
  if (!searchPath.includes("public")) {
    wrong.push(
      `search_path is ${searchPath.join(", ") || "empty"}, expected public in it: indexd's triggers name its tables without a schema`,
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
      "Apply what `slabmend grant` prints as the owner of the database: it sets them on the role, over those of the database. A setting of the role in this database goes over both: \\drds in psql shows it.",
    details: { wrong: wrong.length },
  });
}
