/**
 * Folders of one run below the system's temporary folder. The name says which process owns it, so that a later run can
 * tell what a killed one (and its guard) left behind, and remove it.
 */
import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PREFIX = "slabmend-run";
const NAME = /^slabmend-run-(\d+)-(\d+)-[A-Za-z0-9_-]+$/;

/** A new private folder (mode 0700) that belongs to this process. */
export async function createRunFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), `${PREFIX}-${await pidNamespace()}-${process.pid}-`));
}

/**
 * Removes the folders of dead processes of ours, and ends the PostgreSQL servers that still run on them.
 * Never touches a folder of another pid namespace: there, a pid that is unknown here may be alive.
 */
export async function removeStaleRunFolders(): Promise<string[]> {
  const namespace = await pidNamespace();
  const removed: string[] = [];
  for (const name of await readdir(tmpdir())) {
    const match = NAME.exec(name);
    if (match === null || match[1] !== namespace || isAlive(Number(match[2]))) continue;
    const folder = join(tmpdir(), name);
    try {
      await endPostgresOf(folder);
      await rm(folder, { recursive: true, force: true });
      removed.push(folder);
    } catch {
      // Another user's folder, or its guard is removing it right now: not ours to finish.
    }
  }
  return removed;
}

async function endPostgresOf(folder: string): Promise<void> {
  const pidFile = await readFile(join(folder, "data", "postmaster.pid"), "utf8").catch(() => undefined);
  const pid = Number(pidFile?.split("\n", 1)[0]);
  if (!Number.isInteger(pid) || pid <= 1) return;
  // The number may have gone to another process since: only one that names this folder is ours.
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  if (command.includes(folder)) process.kill(pid, "SIGQUIT");
}

/** Whether a process with this id exists, also one of another user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

async function pidNamespace(): Promise<string> {
  const link = await readlink("/proc/self/ns/pid").catch(() => "");
  return /\[(\d+)\]/.exec(link)?.[1] ?? "0";
}
