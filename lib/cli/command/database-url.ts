/** Checks database URLs by the rules of lib/config/database-url.ts and throws the command line's errors. */
import {
  type DatabaseUrl,
  findExposure,
  type ResolveAddresses,
  readDatabaseUrl,
} from "../../config/database-url.ts";
import { OperatorError } from "../../errors/operator-error.ts";

/** @throws {OperatorError} `database-url-malformed`; the message never contains the text, which may hold a password */
export function parseDatabaseUrl(text: string): DatabaseUrl {
  const database = readDatabaseUrl(text);
  if (!("fault" in database)) return database;
  const { expected, got } = database.fault;
  throw new OperatorError({
    code: "database-url-malformed",
    message: `database URL: expected ${expected}, got ${got}`,
    remedy:
      "Write postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full, with special characters percent-encoded.",
  });
}

/**
 * Refuses a URL that would send secrets unencrypted over the internet.
 * @throws {OperatorError} `database-url-without-tls`
 */
export async function assertProtected(database: DatabaseUrl, resolve?: ResolveAddresses): Promise<void> {
  const exposure = await findExposure(database, resolve);
  if (exposure === undefined) return;
  throw new OperatorError({
    code: "database-url-without-tls",
    message: `database URL: expected ${exposure.expected}, got ${exposure.got}`,
    remedy:
      "Append ?sslmode=verify-full to the URL (or require, which does not check the certificate). Only loopback and private addresses may do without TLS.",
    details: { host: database.host },
  });
}
