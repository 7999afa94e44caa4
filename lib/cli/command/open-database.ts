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

/** What must be there before a command does anything. */
export interface DatabaseDemands {
  /**
   * `any`: not even an indexd; `indexd`: a known version of it; `store`: our schema too, as this release wants it; `fleet`: all
   * rights besides, before anything is leased.
   */
  readonly needs: "any" | "indexd" | "store" | "fleet";
}

/** What a command knows of its database besides the connection that it was given. */
export interface DatabaseAccess {
  readonly location: DatabaseUrl;
  /** Makes one more client, which trusts the same authorities; who calls ends it. */
  readonly connect: () => Sql;
  /**
   * From now on a signal ends neither the connection nor the command: it has begun something, and ends by itself. Throws when
   * there was a signal already.
   */
  readonly ignoreSignals: () => void;
}

/** Opens the connection of a command, checks what it needs, and always closes it. Ctrl+C ends it, and so the command. */
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
    // What a closed connection says is only that we closed it.
    if (endsOnSignal) signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abandon);
    await client.end();
  }
}

/** For a command that learns from the database what it needs. `withDatabase` has asserted its own demands. */
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
      message: "--database-url: expected a URL without password, got one with",
      remedy:
        "Every process of this machine can read a command line. Put the URL into SLABMEND_DATABASE_URL, or the password into PGPASSWORD; and change the password.",
    });
  }
}

/** @throws {ConfigurationError} when they are none, or would not be used */
function readAuthorities(context: CommandContext, { tls }: DatabaseUrl): string | undefined {
  const { SLABMEND_DATABASE_CA: authorities } = context.parse(["SLABMEND_DATABASE_CA"]);
  const unused = authorities === undefined ? undefined : findUnusedAuthorities(tls);
  if (unused !== undefined) throw new ConfigurationError([unused]);
  return authorities;
}
