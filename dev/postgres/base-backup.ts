/** A base backup of a running server, as pg_basebackup makes it: the embedded packages do not have that program. */
import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Sql } from "postgres";
import type { BaseBackup, PostgresServer } from "./postgres.ts";

const run = promisify(execFile);

/**
 * Copies the data directory of a server that goes on working, with what its log needs to be consistent (PostgreSQL's manual, "Making
 * a base backup using the low level API").
 * @param sql of the superuser; one session of it is used from begin to end
 * @param folder does not exist yet
 */
export async function takeBaseBackup(server: PostgresServer, sql: Sql, folder: string): Promise<BaseBackup> {
  const data = join(server.folder, "data");
  const session = await sql.reserve();
  try {
    await session`select pg_backup_start('demo', true)`;
    await run("cp", ["-a", data, folder]);
    const [label] = await session<{ labelfile: string }[]>`select labelfile from pg_backup_stop(false)`;
    await run("cp", ["-a", join(data, "pg_wal"), folder]);
    // Not overwritten: it gets the owner of the directory that holds it.
    await run("cp", ["-a", join(data, "PG_VERSION"), join(folder, "backup_label")]);
    await writeFile(join(folder, "backup_label"), label!.labelfile);
  } finally {
    session.release();
  }
  await rm(join(folder, "postmaster.pid"), { force: true });
  return { folder, password: decodeURIComponent(new URL(server.url("postgres")).password) };
}
