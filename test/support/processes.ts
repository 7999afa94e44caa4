/** Reads the state of real processes. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * State letter of the kernel: R running, S sleeping, T stopped, Z ended but not yet reaped. Undefined if there is no
 * such process.
 */
export async function processState(pid: number): Promise<string | undefined> {
  if (process.platform !== "linux") {
    const ps = await run("ps", ["-o", "state=", "-p", String(pid)]).catch(() => undefined);
    return ps?.stdout.trim().slice(0, 1);
  }
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The name, in parentheses, may contain any characters; the state follows the last parenthesis.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ", 1)[0];
}

/** All descendants of this process, nearest first. */
export async function descendantsOf(pid: number): Promise<number[]> {
  const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid="]);
  const processes = stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const parent of found) for (const [child, of] of processes) if (of === parent) found.push(child!);
  return found.slice(1);
}
