import postgres, { type Sql } from "postgres";

/** A worker holds no connection while it transfers: an idle one is closed after this. */
const IDLE_SECONDS = 1;
/** A database that does not answer for longer is away; the message comes again. */
const CONNECT_SECONDS = 10;

/**
 * One connection at most, opened when needed. Works behind a transaction pooler: no named prepared statement, no
 * session state, no look-up of types. End it before the function returns: a frozen connection would be dead later.
 */
export function connect(databaseUrl: string, applicationName: string): Sql {
  return postgres(databaseUrl, {
    max: 1,
    prepare: false,
    fetch_types: false,
    idle_timeout: IDLE_SECONDS,
    connect_timeout: CONNECT_SECONDS,
    connection: { application_name: applicationName },
    onnotice: () => {},
  });
}
