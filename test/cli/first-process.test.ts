/** `slabmend work` as the first process of a container, and as a service whose processes all get the signal. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { processState } from "../support/processes.ts";
import { startSilentDatabase } from "../support/silent-proxy.ts";
import { until, untilEqual } from "../support/until.ts";
import { LAUNCHER } from "./cli-process.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Linux only. */
function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "latin1")
        .trim()
        .split(" ")
        .filter(Boolean)
        .map(Number),
    );
  } catch {
    return [];
  }
}

const WORK = ["work", "--from-database", "--concurrency", "1"];
/** A Node that runs TypeScript directly, so that the launcher starts no second process. */
const NODE = fileURLToPath(new URL("../../node_modules/node/bin/node", import.meta.url));

function start(command: string, args: readonly string[], url = database.url) {
  const child = spawn(command, args, {
    env: {
      PATH: process.env["PATH"],
      SLABMEND_DATABASE_URL: url,
      SLABMEND_MIGRATION_SEED: "11".repeat(32),
    },
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  const ended = once(child, "close").then(([code]) => code as number | null);
  return { pid: child.pid!, out: () => out, ended, says: (text: string) => until(() => out.includes(text)) };
}

const UNSHARE = ["--pid", "--fork", "--mount-proc", "--kill-child"];
const canUnshare = spawnSync("unshare", [...UNSHARE, "true"]).status === 0;

describe.runIf(canUnshare)("slabmend as the first process of a container", () => {
  /** Starts slabmend as the first process of a new namespace; `first` is its pid outside the namespace. */
  async function startFirst(url?: string) {
    const work = start("unshare", [...UNSHARE, NODE, LAUNCHER, ...WORK], url);
    await work.says('"working"');
    const [first] = childrenOf(work.pid);
    return { ...work, first: first! };
  }

  test("after SIGTERM the first process ends in an orderly way, with exit code 0", async () => {
    const work = await startFirst();
    expect(readFileSync(`/proc/${work.first}/status`, "latin1")).toMatch(/^NSpid:\t\d+\t1$/m);
    process.kill(work.first, "SIGTERM");
    expect(await work.ended).toBe(0);
    expect(work.out()).toContain('"done":true');
  });

  test("a second SIGTERM ends the first process with 130; without a handler the kernel would drop this signal", async () => {
    const proxy = await startSilentDatabase(database.url);
    const asked = proxy.fallSilentAt("quarantine", "statement");
    const work = await startFirst(proxy.url);
    await asked;
    process.kill(work.first, "SIGTERM");
    await work.says('"draining"');
    process.kill(work.first, "SIGTERM");
    expect(await work.ended).toBe(130);
    await proxy.stop();
  });

  test("a killed worker process leaves no zombie, and SIGTERM still ends the first process with exit code 0", async () => {
    const work = await startFirst();
    const [worker] = childrenOf(work.first);
    process.kill(worker!, "SIGKILL");
    await untilEqual(() => processState(worker!), undefined);
    process.kill(work.first, "SIGTERM");
    expect(await work.ended).toBe(0);
  });

  test("no process survives a kill of the first process", async () => {
    const work = await startFirst();
    const [worker] = childrenOf(work.first);
    process.kill(work.first, "SIGKILL");
    await work.ended;
    await untilEqual(() => processState(worker!), undefined);
  });
});

/** Like systemd's default, KillMode=control-group. systemd itself is not available in the tests' container. */
describe("SIGTERM to every process of a service", () => {
  const groupOf = (pgid: number): number[] =>
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
          return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]) === pgid;
        } catch {
          return false;
        }
      });
  /**
   * A Node in PATH that is too old to run TypeScript directly. npm puts a newer Node before it in PATH, so search all
   * of PATH.
   */
  const oldNode = (process.env["PATH"] ?? "")
    .split(":")
    .map((folder) => `${folder}/node`)
    .find((node) =>
      /^v(1\d|2[0-2])\./.test(spawnSync(node, ["--version"], { encoding: "utf8" }).stdout ?? ""),
    );

  test
    .runIf(process.platform === "linux")
    .each([
      ["the Node that it needs", NODE],
      ...(oldNode === undefined
        ? []
        : ([["an older Node, which starts the one that it needs", oldNode]] as const)),
    ] as const)(
    "run by %s, slabmend finishes its running repairs and ends with exit code 0",
    async (_name, node) => {
      const work = start(node, [LAUNCHER, ...WORK]);
      await work.says('"working"');
      expect(groupOf(work.pid).length).toBeGreaterThan(1);
      process.kill(-work.pid, "SIGTERM");
      expect(await work.ended).toBe(0);
      expect(work.out()).toContain('"done":true');
      await untilEqual(() => groupOf(work.pid), []);
    },
  );
});
