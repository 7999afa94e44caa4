import type { Sql } from "postgres";
import { ConfigurationError } from "../../config/configuration-error.ts";
import { findUnusedAuthorities } from "../../config/database-ca.ts";
import type { DatabaseUrl } from "../../config/database-url.ts";
import { connect } from "../../database/client/connect.ts";
import { type Ask, askWithin, createDeadlineClient } from "../../database/client/deadline-client.ts";
import { assertWritable, judgeIndexd } from "../../database/indexd/version/verify-indexd.ts";
import { assertFleetMayWork } from "../../database/schema/assert-fleet-may-work.ts";
import { assertStoreVersion } from "../../database/schema/migrate-database.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import type { CommandContext } from "./command-context.ts";
import { assertProtected, parseDatabaseUrl } from "./database-url.ts";

/** What a command requires of the database before it starts. */
export interface DatabaseDemands {
  /**
   * `any`: nothing; `indexd`: an indexd of a known version; `store`: also our schema, in this release's version;
   * `fleet`: also all privileges that leasing and repairing need.
   */
  readonly needs: "any" | "indexd" | "store" | "fleet";
}

/** What a command gets in addition to its connection. */
export interface DatabaseAccess {
  readonly location: DatabaseUrl;
  /** Makes another client that trusts the same certificate authorities; the caller ends it. */
  readonly connect: () => Sql;
  /**
   * A command calls this before something that it must finish: from now on a signal ends neither the connection nor the
   * command. Throws if a signal has arrived already.
   */
  readonly ignoreSignals: () => void;
}

/**
 * Opens a connection, checks the command's demands, and closes the connection in any case. Ctrl+C ends the connection
 * and the command.
 */
export async function withDatabase<Result>(
  context: CommandContext,
  demands: DatabaseDemands,
  work: (ask: Ask, access: DatabaseAccess) => Promise<Result>,
): Promise<Result> {
  const { clock, signal } = context.io;
  const location = await readDatabaseUrl(context);
  const authorities = readAuthorities(context, location);
  const connectAgain = (): Sql => connect(location.url, "slabmend-cli", authorities);
  const client = createDeadlineClient({ clock, connect: connectAgain });
  const ask = askWithin(client, clock);
  const abandon = (): void => void client.end(0);
  let endsOnSignal = true;
  signal.addEventListener("abort", abandon, { once: true });
  const ignoreSignals = (): void => {
    signal.throwIfAborted();
    endsOnSignal = false;
    signal.removeEventListener("abort", abandon);
  };
  try {
    signal.throwIfAborted();
    await assertDemands(context, ask, demands);
    return await work(ask, { location, connect: connectAgain, ignoreSignals });
  } catch (error) {
    // After a signal, throw the signal's reason: the connection's error would only say that we closed the connection.
    if (endsOnSignal) signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abandon);
    await client.end();
  }
}

/**
 * Throws if the database does not meet these demands. `withDatabase` calls it; a command calls it again if it has
 * further demands that depend on the database's content.
 */
export async function assertDemands(
  context: Pick<CommandContext, "parse">,
  ask: Ask,
  { needs }: DatabaseDemands,
): Promise<void> {
  const { SLABMEND_ACCEPT_INDEXD_VERSION: accepted } = context.parse(["SLABMEND_ACCEPT_INDEXD_VERSION"]);
  if (needs === "fleet") {
    await ask((sql) => assertFleetMayWork(sql, accepted), { isIdempotent: true });
  } else if (needs !== "any") {
    assertWritable(await ask((sql) => judgeIndexd(sql, accepted), { isIdempotent: true }));
  }
  if (needs === "store") await ask(assertStoreVersion, { isIdempotent: true });
}

/** @throws {OperatorError} if the URL is missing or may not be used */
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
  assertNotOnCommandLine(context);
  const database = parseDatabaseUrl(context.databaseUrl.reveal());
  await assertProtected(database);
  return database;
}

/** @throws {OperatorError} `secret-on-command-line` when --database-url holds a password; `database-url-malformed` */
export function assertNotOnCommandLine({
  databaseUrl,
  variables,
}: Pick<CommandContext, "databaseUrl" | "variables">): void {
  const url = databaseUrl?.reveal();
  if (url === undefined || url === variables["SLABMEND_DATABASE_URL"]) return;
  if (parseDatabaseUrl(url).hasPassword) {
    throw new OperatorError({
      code: "secret-on-command-line",
      message: "--database-url: expected a URL without a password, got one with a password",
      remedy:
        "Every process on this machine can read a command line. Put the URL into SLABMEND_DATABASE_URL, or the password into PGPASSWORD, and change the password.",
    });
  }
}

/**
 * @throws {ConfigurationError} if SLABMEND_DATABASE_CA is no certificate, or a connection by this URL would not use it
 */
function readAuthorities(context: CommandContext, { tls }: DatabaseUrl): string | undefined {
  const { SLABMEND_DATABASE_CA: authorities } = context.parse(["SLABMEND_DATABASE_CA"]);
  const unused = authorities === undefined ? undefined : findUnusedAuthorities(tls);
  if (unused !== undefined) throw new ConfigurationError([unused]);
  return authorities;
}
