/** Commands at a real pseudo-terminal, made by `script` of util-linux. */
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { startRun } from "../../lib/database/runs/maintenance-runs.ts";
import { useDatabase } from "../support/database.ts";
import { LAUNCHER } from "./cli-process.ts";

const PHRASE = `${"abandon ".repeat(11)}about`;
const SEED = "a2148f6a110c828b50a1ef70f18793c5025d84032d333d8806a97a5d9e86e901";
/** This seed must never be shown. It differs from the seed that derive-seed prints, which may be shown. */
const WORKERS_SEED = `${"7b".repeat(31)}3c`;
const hasScript =
  process.platform === "linux" &&
  spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux");

interface Session {
  /** Resolves when the screen shows this text. */
  until(text: string): Promise<void>;
  type(keys: string): void;
  /** The exit code and the whole screen output. */
  readonly ended: Promise<{ readonly code: number | null; readonly screen: string }>;
}

/**
 * Runs a command at a terminal that `script` makes. The tests may run without a terminal; then the new terminal has no
 * size, so `stty` sets one.
 */
function atTerminal(args: string, environment: Readonly<Record<string, string>> = {}): Session {
  const child = spawn(
    "script",
    ["-qfec", `stty cols 100 rows 40; exec "${process.execPath}" "${LAUNCHER}" ${args}`, "/dev/null"],
    {
      env: { PATH: process.env["PATH"], TERM: "xterm", SHELL: "/bin/sh", ...environment },
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  let screen = "";
  const looks = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    screen += text;
    for (const look of looks) look();
  });
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, screen }));
  return {
    ended,
    type: (keys) => void child.stdin.write(keys),
    until(text) {
      const seen = new Promise<void>((resolve) => {
        const look = (): void => {
          if (screen.includes(text)) resolve();
        };
        looks.add(look);
        look();
      });
      const over = ended.then(({ code }) => {
        if (!screen.includes(text)) throw new Error(`ended with ${code} before "${text}":\n${screen}`);
      });
      return Promise.race([seen, over]);
    },
  };
}

describe.skipIf(!hasScript)("commands at a pseudo-terminal (skipped without util-linux's `script`)", () => {
  const database = useDatabase({ schema: "indexd" });
  const hasSchema = async (): Promise<boolean> =>
    (await database.sql`select from pg_namespace where nspname = 'slabmend'`).length > 0;

  test("a typed recovery phrase is not shown", async () => {
    const session = atTerminal("derive-seed");
    await session.until("not shown): ");
    session.type(`${PHRASE}\r`);
    const { code, screen } = await session.ended;
    expect(code).toBe(0);
    expect(screen).toContain(SEED);
    expect(screen).not.toMatch(/abandon|about/);
  });

  test("Ctrl+C instead of a recovery phrase ends derive-seed", async () => {
    const session = atTerminal("derive-seed");
    await session.until("not shown): ");
    session.type("aban\u0003");
    const { code, screen } = await session.ended;
    expect(code).toBe(130);
    expect(screen).toContain("interrupted");
    expect(screen).not.toContain("aban");
  });

  test.each([
    ["no\r", 5, false],
    ["\u0003", 130, false],
    ["yes\r", 0, true],
  ])("init asks, and %j ends it with %d", async (keys, expected, isDone) => {
    const session = atTerminal("init", { SLABMEND_DATABASE_URL: database.url });
    await session.until("Continue? (yes/no) ");
    session.type(keys);
    const { code, screen } = await session.ended;
    expect([code, await hasSchema()]).toEqual([expected, isDone]);
    expect(screen).toContain("create schema slabmend");
  });

  test("setup shows no typed secret, writes the file with mode 0600, and ends with 130 at Ctrl+C", async () => {
    const folder = await mkdtemp(join(tmpdir(), "slabmend-setup-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, "variables");
    const login = `terminal_${randomBytes(6).toString("hex")}`;
    await database.sql.unsafe(`create role ${login} superuser login password 'hunter2terminal'`);
    onTestFinished(async () => {
      await database.sql.unsafe(`drop owned by ${login} cascade; drop role ${login}`);
    });
    const own = { username: login, password: "hunter2terminal" };
    const url = Object.assign(new URL(database.url), own).href;
    const DOWN = "\u001b[B";
    const first = atTerminal(`setup --file ${file}`);
    await first.until("1 of 5, database");
    first.type("\r");
    await first.until("URL of the database");
    first.type("postgres://u:hunter2terminal\u0003");
    const interrupted = await first.ended;
    expect([interrupted.code, existsSync(file)]).toEqual([130, false]);

    const session = atTerminal(`setup --file ${file}`);
    const answers: readonly (readonly [question: string, keys: string])[] = [
      ["1 of 5, database", "\r"],
      ["URL of the database", `${url}\r`],
      ["2 of 5, schema", "\r"],
      ["3 of 5, role", `${DOWN}${DOWN}\r`],
      ["4 of 5, seed", "\r"],
      ["Recovery phrase", `${PHRASE}\r`],
      ["5 of 5", `${DOWN}\r`],
    ];
    for (const [question, keys] of answers) {
      await session.until(question);
      session.type(keys);
    }
    await session.until("What now?");
    session.type(`${DOWN}${DOWN}\r`);
    const { code, screen } = await session.ended;
    expect(code).toBe(0);
    expect(screen).toContain(`slabmend serve --variables-file ${file}`);
    expect(`${screen}${interrupted.screen}`).not.toMatch(/abandon|about|hunter2|a2148f/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, "utf8")).toContain(`SLABMEND_MIGRATION_SEED=${SEED}`);
  });
});

describe.skipIf(!hasScript)("serve at a pseudo-terminal", () => {
  const database = useDatabase();

  test.each([
    ["", /^[0-9: -]{19} INFO {2}serving {2}url=http:\/\/127\.0\.0\.1:\d+ /m, /^done: no repair\r?$/m],
    [
      " --json",
      /^\{"level":"info",.*"message":"serving"\}\r?$/m,
      /^\{"schemaVersion":1,"done":true,.*\}\r?$/m,
    ],
  ])("serve%s logs in its format, and Ctrl+C drains it", async (option, line, last) => {
    const folder = mkdtempSync(join(tmpdir(), "slabmend-terminal-"));
    try {
      const session = atTerminal(`serve --listen 127.0.0.1:0 --concurrency 1${option}`, {
        SLABMEND_DATABASE_URL: database.url,
        SLABMEND_MIGRATION_SEED: WORKERS_SEED,
        STATE_DIRECTORY: folder,
        NO_COLOR: "1",
      });
      await session.until("serving");
      session.type("\u0003");
      const { code, screen } = await session.ended;
      expect([code, screen]).toEqual([0, expect.stringMatching(line)]);
      expect(screen).toMatch(last);
      expect(screen).not.toContain(WORKERS_SEED);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe.skipIf(!hasScript)("maintenance at a pseudo-terminal", () => {
  const database = useDatabase();

  test("maintenance watch shows one line of progress; Ctrl+C ends it without changing the run", async () => {
    const scope = { of: "slab", slab: "1", sectors: 8 };
    await startRun(database.sql, { kind: "verify", scope, owner: "test" });
    const session = atTerminal("maintenance watch", { SLABMEND_DATABASE_URL: database.url });
    await session.until("verify: 0 of 8 sectors (0 %), running");
    session.type("\u0003");
    const { code, screen } = await session.ended;
    expect([code, screen]).toEqual([130, expect.stringContaining("continues the run")]);
    expect(await database.sql`select state from slabmend.runs`).toEqual([{ state: "running" }]);
  });
});
