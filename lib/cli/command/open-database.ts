import type { Sql } from "postgres";
import { ConfigurationError } from "../../config/configuration-error.ts";
import { findUnusedAuthorities } from "../../config/database-ca.ts";
import type { DatabaseUrl } from "../../config/database-url.ts";
import { connect } from "../../database/client/connect.ts";
import { assertWritable, judgeIndexd } from "../../database/indexd/version/verify-indexd.ts";
import { assertFleetMayWork } from "../../database/schema/assert-fleet-may-work.ts";
import { assertStoreVersion } from "../../database/schema/migrate-database.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import type { CommandContext } from "./command-context.ts";
import { assertProtected, parseDatabaseUrl } from "./database-url.ts";

/** What must be there before a command does anything. */
export interface DatabaseDemands {
  /**
   * `any`: not even an indexd; `indexd`: a known version of it; `store`: our schema too, as this release wants it; `fleet`: all
   * rights besides, before anything is leased.
   */
  readonly needs: "any" | "indexd" | "store" | "fleet";
  /** What Ctrl+C does: end the command's connection and so the command (default), or leave it to the command. */
  readonly onSignal?: "end" | "ignore";
}

/** What a command knows of its database besides the connection that it was given. */
export interface DatabaseAccess {
  readonly location: DatabaseUrl;
  /** Makes one more client, which trusts the same authorities; who calls ends it. */
  readonly connect: () => Sql;
}

/** Opens the connection of a command, checks what it needs, and closes it whatever happens. */
export async function withDatabase<Result>(
  context: CommandContext,
  demands: DatabaseDemands,
  work: (sql: Sql, access: DatabaseAccess) => Promise<Result>,
): Promise<Result> {
  const location = await readDatabaseUrl(context);
  const authorities = readAuthorities(context, location);
  const access = { location, connect: () => connect(location.url, "slabmend-cli", authorities) };
  const sql = access.connect();
  const abandon = (): void => void sql.end({ timeout: 0 });
  if (demands.onSignal !== "ignore") context.io.signal.addEventListener("abort", abandon, { once: true });
  try {
    const accepted = context.parse(["SLABMEND_ACCEPT_INDEXD_VERSION"]).SLABMEND_ACCEPT_INDEXD_VERSION;
    if (demands.needs === "fleet") await assertFleetMayWork(sql, accepted);
    else if (demands.needs !== "any") assertWritable(await judgeIndexd(sql, accepted));
    if (demands.needs === "store") await assertStoreVersion(sql);
    return await work(sql, access);
  } catch (error) {
    // What a closed connection says is only that we closed it.
    if (demands.onSignal !== "ignore") context.io.signal.throwIfAborted();
    throw error;
  } finally {
    context.io.signal.removeEventListener("abort", abandon);
    await sql.end({ timeout: 5 });
  }
}

/** @throws {OperatorError} when there is none, or none that may be used */
async function readDatabaseUrl(
  context: Pick<CommandContext, "databaseUrl" | "variables">,
): Promise<DatabaseUrl> {
  if (context.databaseUrl === undefined) {
    throw new OperatorError({
      code: "database-url-missing",
      message: "database URL: expected SLABMEND_DATABASE_URL to be set, got nothing",
      remedy:
        "Set it to the URL of indexd's own PostgreSQL database, in the environment or with --variables-file.",
    });
  }
  const url = context.databaseUrl.reveal();
  const database = parseDatabaseUrl(url);
  if (database.hasPassword && url !== context.variables["SLABMEND_DATABASE_URL"]) {
    throw new OperatorError({
      code: "secret-on-command-line",
      message: "--database-url: expected a URL without password, got one with",
      remedy:
        "Every process of this machine can read a command line. Put the URL into SLABMEND_DATABASE_URL, or the password into PGPASSWORD; and change the password.",
    });
  }
  await assertProtected(database);
  return database;
}

/** @throws {ConfigurationError} when they are none, or would not be used */
function readAuthorities(context: CommandContext, { tls }: DatabaseUrl): string | undefined {
  const { SLABMEND_DATABASE_CA: authorities } = context.parse(["SLABMEND_DATABASE_CA"]);
  const unused = authorities === undefined ? undefined : findUnusedAuthorities(tls);
  if (unused !== undefined) throw new ConfigurationError([unused]);
  return authorities;
}
