/** Runs slabmend on the playground's database, with the command that an operator uses. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ParentGuard } from "../process/parent-guard.ts";

const LAUNCHER = fileURLToPath(new URL("../../bin/slabmend.js", import.meta.url));
/**
 * How long slabmend may take to stop. It waits for running repairs, which take seconds because all hosts are on
 * loopback.
 */
const DRAIN_MS = 20_000;

export interface Fleet {
  /** The console's URL, with the token that allows changes: a secret, but valid only while the playground runs. */
  readonly consoleUrl: Promise<string>;
  readonly logFile: string;
  /** Settles when slabmend has ended for any reason. */
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
  const tokenFile = join(folder, "token");
  const listen = ["--listen", "127.0.0.1:0", "--token-file", tokenFile];
  const child = startCommand(
    variablesFile,
    ["serve", "--json", ...listen, "--concurrency", String(workers)],
    "pipe",
  );
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  const forget = guard.endProcess(child.pid ?? 0, "KILL");
  const ended = once(child, "close").then(() => {
    forget();
    log.end();
  });
  const consoleUrl = readUrl(child).then(
    async (url) => `${url}/#token=${(await readFile(tokenFile, "utf8")).trim()}`,
  );
  // The promise may reject before the caller awaits it; until then the rejection must not count as unhandled.
  consoleUrl.catch(() => {});
  return {
    consoleUrl,
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

/** Reads the console's URL from slabmend's log once slabmend serves. */
async function readUrl({ stdout }: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: stdout! })) {
    const { message, url } = JSON.parse(line) as { message?: string; url?: string };
    if (message === "serving" && url !== undefined) return url;
  }
  throw new Error("slabmend ended before it served");
}

/** Starts one `slabmend` command on the playground's database. */
export function startCommand(
  variablesFile: string,
  args: readonly string[],
  stdio: "inherit" | "pipe",
  more: Readonly<Record<string, string>> = {},
): ChildProcess {
  return spawn(process.execPath, [LAUNCHER, ...args, "--variables-file", variablesFile], {
    stdio: ["ignore", stdio, stdio],
    // Variables in the user's environment would override those in the file, so they are left out.
    env: {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(SLABMEND_|npm_)/.test(name))),
      ...more,
    },
    // Ctrl+C must reach only this process, which then ends the child in an orderly way.
    detached: true,
  });
}
