/**
 * Folders of one run below the system's temporary folder. The name says which process owns it, so that a later run can
 * tell what a killed one (and its guard) left behind, and remove it.
 */
import { readFileSync } from "node:fs";
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

/** Whether a process with this id runs, also one of another user. One that has ended and waits for its parent's notice does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  try {
    // Where nobody collects orphans (a container without an init process) an ended one keeps its number for good.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.charAt(stat.lastIndexOf(")") + 2) !== "Z";
  } catch {
    // It ended in between, or this is not Linux, where an orphan is collected at once.
    return process.platform !== "linux";
  }
}

async function pidNamespace(): Promise<string> {
  const link = await readlink("/proc/self/ns/pid").catch(() => "");
  return /\[(\d+)\]/.exec(link)?.[1] ?? "0";
}
