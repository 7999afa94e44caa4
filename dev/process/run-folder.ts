/**
 * Each run has its folders in the system's temporary folder. A folder's name contains the id of the process that owns
 * it, so that a later run can find and remove the folders of a run that was killed together with its guard.
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
 * Removes the folders of runs whose process is dead, and ends the PostgreSQL servers that still run in them. Folders
 * from another pid namespace stay, because their process may be alive there although its pid is unknown here.
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
      // The folder belongs to another user, or its guard is removing it at this moment.
    }
  }
  return removed;
}

async function endPostgresOf(folder: string): Promise<void> {
  const pidFile = await readFile(join(folder, "data", "postmaster.pid"), "utf8").catch(() => undefined);
  const pid = Number(pidFile?.split("\n", 1)[0]);
  if (!Number.isInteger(pid) || pid <= 1) return;
  // The pid may belong to another process by now. The process is the folder's server only if its command line names the
  // folder.
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  if (command.includes(folder)) process.kill(pid, "SIGQUIT");
}

/** Whether a process with this id runs, even as another user. A zombie does not count. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  try {
    // Without an init process that reaps orphans (in some containers), an ended process keeps its pid forever.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.charAt(stat.lastIndexOf(")") + 2) !== "Z";
  } catch {
    // The process has ended meanwhile, or this is not Linux.
    return process.platform !== "linux";
  }
}

async function pidNamespace(): Promise<string> {
  const link = await readlink("/proc/self/ns/pid").catch(() => "");
  return /\[(\d+)\]/.exec(link)?.[1] ?? "0";
}
