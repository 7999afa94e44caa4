/** The command line in its own process, as an operator starts it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export const LAUNCHER = fileURLToPath(new URL("../../bin/slabmend.js", import.meta.url));

export interface CliProcess {
  readonly child: ChildProcess;
  /** Its output so far. */
  readonly out: () => string;
  readonly err: () => string;
  /** Resolves when a line on standard output contains this text; rejects if the process ends without it. */
  until(text: string): Promise<void>;
  /** Waits for this promise, and rejects if the process ends first. */
  meanwhile<Value>(wait: Promise<Value>): Promise<Value>;
  readonly ended: Promise<number | null>;
}

export function startCli(args: readonly string[], environment: Readonly<Record<string, string>>): CliProcess {
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    env: { PATH: process.env["PATH"], ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  const watchers = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    for (const look of watchers) look();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const ended = once(child, "close").then(([code]) => code as number | null);
  return {
    child,
    out: () => out,
    err: () => err,
    ended,
    meanwhile: (wait) =>
      Promise.race([
        wait,
        ended.then((code) => {
          throw new Error(`ended with ${code}:\n${out}\n${err}`);
        }),
      ]),
    async until(text) {
      const seen = new Promise<void>((resolve) => {
        const look = (): void => {
          if (!out.includes(text)) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      });
      const over = ended.then((code) => {
        if (!out.includes(text)) throw new Error(`ended with ${code} before "${text}":\n${out}\n${err}`);
      });
      await Promise.race([seen, over]);
    },
  };
}
