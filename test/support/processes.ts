/** Looking at real processes. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual, promisify } from "node:util";

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

const POLL_MS = 20;
const LIMIT_MS = 15_000;

/** Waits for what has no event, such as another process's end; fails with what it saw last. */
export async function untilEqual<Value>(look: () => Value | Promise<Value>, expected: Value): Promise<void> {
  for (const deadline = Date.now() + LIMIT_MS; ; await sleep(POLL_MS)) {
    const seen = await look();
    if (isDeepStrictEqual(seen, expected)) return;
    if (Date.now() > deadline) {
      throw new Error(`expected ${JSON.stringify(expected)}, saw ${JSON.stringify(seen)} for ${LIMIT_MS} ms`);
    }
  }
}
