/**
 * An emulator in its own process. It gets a folder for its files and an environment without our variables; emulator and
 * folder are removed even if the test's process is killed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { startParentGuard } from "../../../dev/process/parent-guard.ts";
import { createRunFolder } from "../../../dev/process/run-folder.ts";

export interface EmulatorCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** `folder` is for this emulator's files only. */
  readonly environment: (port: number, folder: string) => Readonly<Record<string, string>>;
  /** Answers with 2xx once the emulator is ready. */
  readonly healthPath: string;
}

export interface EmulatorProcess {
  readonly url: string;
  readonly log: readonly string[];
  stop(): Promise<void>;
}

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 10_000;
const POLL_MS = 50;
const MAX_LOG_LINES = 2_000;

export async function startEmulator(emulator: EmulatorCommand): Promise<EmulatorProcess> {
  const guard = await startParentGuard();
  const folder = await createRunFolder();
  guard.removeFolder(folder);
  await mkdir(join(folder, "tmp"));
  const port = await freePort();
  const child = spawn(emulator.command, emulator.args, {
    cwd: folder,
    env: {
      // Lambda functions run on the Node that runs the tests.
      PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      HOME: folder,
      TMPDIR: join(folder, "tmp"),
      ...emulator.environment(port, folder),
    },
    stdio: ["ignore", "pipe", "pipe"],
    // The emulator gets its own process group, in which its functions run too: a signal to the group ends all.
    detached: true,
  });
  const dismiss = guard.endProcess(child.pid ?? 0, "KILL");
  const log: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      log.push(line);
      if (log.length > MAX_LOG_LINES) log.shift();
    });
  }
  let hasEnded = false;
  const ended = once(child, "close")
    .catch((error: unknown) => log.push(String(error)))
    .then(() => {
      hasEnded = true;
    });
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // The whole group has ended.
    }
  };
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    signal("SIGTERM");
    await Promise.race([ended, sleep(STOP_LIMIT_MS, undefined, { ref: false })]);
    signal("SIGKILL");
    await ended;
    dismiss();
    await rm(folder, { recursive: true, force: true });
    await guard.release();
  };
  const handle: EmulatorProcess = {
    url: `http://127.0.0.1:${port}`,
    log,
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
  for (const deadline = Date.now() + START_LIMIT_MS; ; await sleep(POLL_MS)) {
    if (await isHealthy(handle.url + emulator.healthPath)) return handle;
    if (hasEnded || Date.now() > deadline) {
      await handle.stop();
      throw new Error(
        `${emulator.name} ${hasEnded ? "ended" : "was not ready in time"}:\n${log.slice(-40).join("\n")}`,
      );
    }
  }
}

async function isHealthy(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok === true;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
