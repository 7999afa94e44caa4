import type { Sql } from "postgres";
import type { Ask } from "../../lib/database/client/deadline-client.ts";

/** Asks a database that is known to answer. */
export const askOf =
  (sql: Sql): Ask =>
  (statements) =>
    statements(sql);
