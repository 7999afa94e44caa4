/** Makes a base backup of a running server like pg_basebackup, which the embedded packages lack. */
import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Sql } from "postgres";
import type { BaseBackup, PostgresServer } from "./postgres.ts";

const run = promisify(execFile);

/**
 * Copies the data directory of a running server, with the WAL that makes the copy consistent (PostgreSQL's manual,
 * "Making a base backup using the low level API").
 * @param sql the superuser's client; the backup uses one of its sessions from beginning to end
 * @param folder where the backup is put; it must not exist yet
 */
export async function takeBaseBackup(server: PostgresServer, sql: Sql, folder: string): Promise<BaseBackup> {
  const data = join(server.folder, "data");
  const session = await sql.reserve();
  try {
    await session`select pg_backup_start('demo', true)`;
    await run("cp", ["-a", data, folder]);
    const [label] = await session<{ labelfile: string }[]>`select labelfile from pg_backup_stop(false)`;
    await run("cp", ["-a", join(data, "pg_wal"), folder]);
    // The backup's label must belong to the owner of the data, but a new file would belong to this process's user. So a
    // file of the data is copied with its owner, and then the copy gets the label as its content.
    await run("cp", ["-a", join(data, "PG_VERSION"), join(folder, "backup_label")]);
    await writeFile(join(folder, "backup_label"), label!.labelfile);
  } finally {
    session.release();
  }
  await rm(join(folder, "postmaster.pid"), { force: true });
  return { folder, password: decodeURIComponent(new URL(server.url("postgres")).password) };
}
