import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdir, mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { createRunFolder, isAlive, removeStaleRunFolders } from "../../dev/process/run-folder.ts";
import { untilEqual } from "../support/until.ts";

const PARENT = fileURLToPath(new URL("./fixtures/parent.ts", import.meta.url));

interface Started {
  readonly pids: readonly number[];
  readonly folder: string;
  readonly port?: number;
  readonly runsAs?: string;
}

let parent: ChildProcess | undefined;
afterEach(() => {
  parent?.kill("SIGKILL");
});

async function startParent(what: string[], options: { uid?: number; gid?: number } = {}): Promise<Started> {
  parent = spawn(process.execPath, [PARENT, ...what], {
    // A new process group, like that of a program started by a shell on a terminal.
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    ...options,
  });
  const line = once(createInterface({ input: parent.stdout! }), "line");
  const ended = once(parent, "exit").then(([code, signal]) => {
    throw new Error(`ended with ${code ?? signal} before it said what it had started`);
  });
  const [said] = (await Promise.race([line, ended])) as [string];
  return JSON.parse(said) as Started;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port });
  const connected = await once(socket, "connect").then(
    () => true,
    () => false,
  );
  socket.destroy();
  return connected;
}

test.each(["postgres", "functions"])("after a kill of the parent nothing of its %s is left", async (what) => {
  const started = await startParent([what]);
  expect(started.pids.map(isAlive)).toEqual(started.pids.map(() => true));
  expect(await exists(started.folder)).toBe(true);
  parent!.kill("SIGKILL");
  await untilEqual(() => started.pids.filter(isAlive), []);
  await untilEqual(() => exists(started.folder), false);
  if (started.port !== undefined) expect(await accepts(started.port)).toBe(false);
});

test("Ctrl+C stops everything in an orderly way, including frozen functions", async () => {
  const started = await startParent(["runtime"]);
  // On Ctrl+C a terminal signals the whole process group.
  process.kill(-parent!.pid!, "SIGINT");
  expect(await once(parent!, "exit")).toEqual([130, null]);
  // Nothing is left at this point: everything was stopped, not cleaned up later.
  expect(started.pids.filter(isAlive)).toEqual([]);
  expect(await exists(started.folder)).toBe(false);
});

test("a second Ctrl+C ends a hanging stop, and nothing is left", async () => {
  const started = await startParent(["runtime", "never-stops"]);
  const stopping = once(parent!.stdout!, "data");
  process.kill(-parent!.pid!, "SIGINT");
  await stopping;
  process.kill(-parent!.pid!, "SIGINT");
  expect(await once(parent!, "exit")).toEqual([130, null]);
  await untilEqual(() => started.pids.filter(isAlive), []);
  await untilEqual(() => exists(started.folder), false);
});

test("PostgreSQL runs for an ordinary user and leaves nothing behind", async ({ skip }) => {
  if (process.getuid?.() !== 0)
    skip("only root can become somebody else; every other test runs as an ordinary user");
  const reach = spawn(process.execPath, ["-e", `require("fs").accessSync(${JSON.stringify(PARENT)})`], {
    uid: 65_534,
    gid: 65_534,
    stdio: "ignore",
  });
  const reached = await once(reach, "exit").then(
    ([code]: unknown[]) => code === 0,
    () => false,
  );
  if (!reached) skip("nobody cannot read this clone");
  const started = await startParent(["postgres"], { uid: 65_534, gid: 65_534 });
  expect(started.runsAs).toBe("ourselves");
  parent!.kill("SIGKILL");
  await untilEqual(() => exists(started.folder), false);
});

test("a new run removes the folder of a run whose process is gone, but not the folder of a running process", async () => {
  const ours = await createRunFolder();
  const dead = spawn("true", { stdio: "ignore" });
  await once(dead, "exit");
  const left = ours.replace(`-${process.pid}-`, `-${dead.pid}-`);
  await mkdir(join(left, "data"), { recursive: true });
  const foreign = await mkdtemp(join(tmpdir(), "slabmend-run-1-1-"));
  expect(await removeStaleRunFolders()).toContain(left);
  expect(await Promise.all([left, ours, foreign].map(exists))).toEqual([false, true, true]);
  await rm(ours, { recursive: true });
  await rm(foreign, { recursive: true });
});
