/** Looking at real processes. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** State letter of the kernel: R running, S sleeping, T stopped, Z ended but not yet reaped. Undefined if there is no such process. */
export async function processState(pid: number): Promise<string | undefined> {
  if (process.platform !== "linux") {
    const ps = await run("ps", ["-o", "state=", "-p", String(pid)]).catch(() => undefined);
    return ps?.stdout.trim().slice(0, 1);
  }
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The name, in parentheses, may hold anything; the state follows the last one.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ", 1)[0];
}
