import type { Sql } from "postgres";
import type { Ask } from "../../lib/database/client/deadline-client.ts";

/** An `Ask` for a database that always answers. */
export const askOf =
  (sql: Sql): Ask =>
  (statements) =>
    statements(sql);
