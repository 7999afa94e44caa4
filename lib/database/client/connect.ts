import { checkServerIdentity, type PeerCertificate } from "node:tls";
import postgres, { type Options, type Sql } from "postgres";
import { readDatabaseUrl } from "../../config/database-url.ts";

/** A worker holds no connection while it transfers: an idle one is closed after this. */
const IDLE_SECONDS = 1;
/** A database that does not answer for longer is away; the message comes again. */
const CONNECT_SECONDS = 10;

/**
 * One connection at most, opened when needed. Works behind a transaction pooler: no named prepared statement, no
 * session state, no look-up of types. End it before the function returns: a frozen connection would be dead later.
 *
 * @param authorities PEM, instead of those that Node.js knows
 */
export function connect(databaseUrl: string, applicationName: string, authorities?: string): Sql {
  return postgres(databaseUrl, {
    max: 1,
    prepare: false,
    fetch_types: false,
    idle_timeout: IDLE_SECONDS,
    connect_timeout: CONNECT_SECONDS,
    connection: { application_name: applicationName },
    onnotice: () => {},
    ...tlsOptions(databaseUrl, authorities),
  });
}

/** Without these an address as host would be compared with the certificate as if it were "localhost". */
function tlsOptions(databaseUrl: string, ca: string | undefined): Options<Record<string, never>> {
  const database = readDatabaseUrl(databaseUrl);
  if ("fault" in database || database.tls !== "verified") return {};
  return {
    ssl: {
      ...(ca === undefined ? {} : { ca }),
      checkServerIdentity: (_name: string, certificate: PeerCertificate) =>
        checkServerIdentity(database.host, certificate),
    },
  };
}
