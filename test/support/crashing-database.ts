/** A database on a PostgreSQL server of its own, which a test can crash. */
import postgres from "postgres";
import { indexdSchema } from "../../dev/indexd/indexd-schema.ts";
import { startPostgres } from "../../dev/postgres/postgres.ts";
import { migrateDatabase } from "../../lib/database/schema/migrate-database.ts";
import type { TestDatabase } from "./database.ts";

export interface CrashingDatabase extends TestDatabase {
  /**
   * An immediate shutdown, as after SIGKILL or a power failure; resolves when the server has recovered from its log.
   */
  crash(): Promise<void>;
}

export async function createCrashingDatabase(): Promise<CrashingDatabase> {
  // Other test servers have this setting off; here a crash must not lose what was committed.
  const server = await startPostgres({ settings: { synchronous_commit: "on" } });
  const admin = postgres(server.url("postgres"), { max: 1, onnotice: () => {} });
  await admin.unsafe("create database indexd template template0");
  await admin.end();
  const url = server.url("indexd");
  const sql = postgres(url, { max: 4, onnotice: () => {} });
  await sql.unsafe(indexdSchema());
  await migrateDatabase(sql);
  return {
    url,
    sql,
    async crash() {
      process.kill(server.pid, "SIGQUIT");
      await server.ended;
      await server.restart();
    },
    async drop() {
      await sql.end({ timeout: 1 });
      await server.stop();
    },
  };
}
