/** slabmend itself on the playground's database: the very command that an operator starts. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ParentGuard } from "../process/parent-guard.ts";

const LAUNCHER = fileURLToPath(new URL("../../bin/slabmend.js", import.meta.url));
/** Draining waits for repairs in hand; on loopback they take seconds. */
const DRAIN_MS = 20_000;

export interface Fleet {
  readonly logFile: string;
  /** Settles when it has ended, asked or not. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export function startFleet(parts: {
  readonly variablesFile: string;
  readonly folder: string;
  readonly workers: number;
  readonly guard: ParentGuard;
}): Fleet {
  const { variablesFile, folder, workers, guard } = parts;
  const logFile = join(folder, "slabmend.log");
  const log = createWriteStream(logFile);
  const child = startCommand(
    variablesFile,
    ["work", "--from-database", "--concurrency", String(workers)],
    "pipe",
  );
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  const forget = guard.endProcess(child.pid ?? 0, "KILL");
  const ended = once(child, "close").then(() => {
    forget();
    log.end();
  });
  return {
    logFile,
    ended,
    async stop() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), DRAIN_MS);
      await ended;
      clearTimeout(late);
    },
  };
}

/** One `slabmend` command on the playground's database. */
export function startCommand(
  variablesFile: string,
  args: readonly string[],
  stdio: "inherit" | "pipe",
): ChildProcess {
  return spawn(process.execPath, [LAUNCHER, ...args, "--variables-file", variablesFile], {
    stdio: ["ignore", stdio, stdio],
    // Variables of the user's own would go before those of the file.
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(SLABMEND_|npm_)/.test(name))),
    // Ctrl+C is for us: we end it in order.
    detached: true,
  });
}
