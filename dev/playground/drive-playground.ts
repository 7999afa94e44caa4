/** Lets a program run the playground as a user does: it types commands and reads the output. For tests and pictures. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const PLAYGROUND = fileURLToPath(new URL("../../bin/playground.ts", import.meta.url));
/** The time limit of each wait, in case the playground hangs; normally no wait takes this long. */
const LIMIT_MS = 300_000;

export interface DrivenPlayground {
  readonly child: ChildProcess;
  /** Settles with the playground's exit code. */
  readonly ended: Promise<number | null>;
  /** Its whole output. */
  text(): string;
  type(line: string): void;
  /** Waits until the playground has printed text that matches the pattern. Rejects if the playground ends first. */
  sees(pattern: RegExp): Promise<RegExpExecArray>;
  /** Types a line and waits for later output that matches `answer`. */
  command(line: string, answer: RegExp): Promise<RegExpExecArray>;
}

export function drivePlayground(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): DrivenPlayground {
  const child = spawn(process.execPath, [PLAYGROUND, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...environment },
  });
  let text = "";
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      for (const look of watchers) look();
    });
  }
  const ended = once(child, "close").then(([code]) => code as number | null);
  const seesSince = async (start: number, pattern: RegExp): Promise<RegExpExecArray> => {
    const seen = Promise.withResolvers<RegExpExecArray>();
    const look = (): void => {
      const found = pattern.exec(text.slice(start));
      if (found !== null) seen.resolve(found);
    };
    const late = setTimeout(
      () => seen.reject(new Error(`not within ${LIMIT_MS} ms: ${pattern}\n${text}`)),
      LIMIT_MS,
    );
    void ended.then(() => seen.reject(new Error(`ended before ${pattern}:\n${text}`)));
    watchers.add(look);
    look();
    try {
      return await seen.promise;
    } finally {
      clearTimeout(late);
      watchers.delete(look);
    }
  };
  const type = (line: string): void => void child.stdin.write(`${line}\n`);
  return {
    child,
    ended,
    text: () => text,
    type,
    sees: (pattern) => seesSince(0, pattern),
    command(line, answer) {
      const start = text.length;
      type(line);
      return seesSince(start, answer);
    },
  };
}
