/**
 * An embedded PostgreSQL 18 on loopback, in its own folder, which is removed after `stop()` or when this process is
 * killed (see parent-guard.ts).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chown, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { LocalRuntimeError } from "../process/errors.ts";
import { type ParentGuard, startParentGuard } from "../process/parent-guard.ts";
import { createRunFolder, removeStaleRunFolders } from "../process/run-folder.ts";
import { findPostgresBinaries } from "./postgres-binaries.ts";
import { choosePostgresIdentity, type IdentityRequest, type PostgresIdentity } from "./postgres-identity.ts";
import { announcePostgresStopping } from "./postgres-stopping.ts";

/** A backup from base-backup.ts. */
export interface BaseBackup {
  /** The data directory. */
  readonly folder: string;
  /** The superuser's password. Secret. */
  readonly password: string;
}

export interface PostgresOptions {
  /** Default: a free port. */
  readonly port?: number;
  /**
   * `none` (default): no fsync; the data may be unusable after a crash of the machine. `full`: PostgreSQL's own
   * defaults.
   */
  readonly durability?: "none" | "full";
  readonly maxConnections?: number;
  /** Folder with bin, lib and share of a different PostgreSQL. Default: the embedded 18. */
  readonly binaries?: string;
  /** More settings of the server, passed to it as `-c name=value`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Starts from this backup instead of an empty cluster. The backup's folder is moved, not copied. */
  readonly backup?: BaseBackup;
  /** Receives the server's log. */
  readonly onLogLine?: (line: string) => void;
  /** Methods that are not tried when PostgreSQL must run without root; for tests. */
  readonly withoutIdentities?: NonNullable<IdentityRequest["without"]>;
}

export interface PostgresServer {
  readonly port: number;
  readonly pid: number;
  readonly folder: string;
  readonly runsAs: PostgresIdentity["kind"];
  /** Contains the superuser's password: a secret, but valid only while the server runs. */
  url(database: string): string;
  /** Settles when the running server has ended for any reason. */
  readonly ended: Promise<void>;
  /** After a crash: starts on the same data and port. Settles when the server has recovered. */
  restart(): Promise<void>;
  /** Ends the server and removes its folder. May be called again. */
  stop(): Promise<void>;
}

const USER = "postgres";
const READY = "database system is ready to accept connections";
const PORT_TAKEN = /could not bind|Address already in use/;
/**
 * How many ports are tried. One may not be enough: after a port was found free, another process may take it before the
 * server binds it.
 */
const MAX_PORT_ATTEMPTS = 5;
/**
 * Much longer than needed: initdb takes 0.6 s and the start 0.2 s, and on a machine that was busy with eight test runs,
 * both took 20 times as long.
 */
const START_TIMEOUT_MS = 60_000;
/**
 * The time limit of a fast shutdown, which does not wait for clients. A server that needs longer than this is stuck.
 */
const STOP_TIMEOUT_MS = 5_000;
/** How many lines of the log are kept: enough to show why the server did not start. */
const MAX_KEPT_LOG_LINES = 40;

const NO_DURABILITY = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" };

export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  await removeStaleRunFolders();
  const nativeFolder = options.binaries ?? (await findPostgresBinaries());
  const guard = await startParentGuard();
  let folder: string | undefined;
  try {
    folder = await createRunFolder();
    guard.removeFolder(folder);
    const without = options.withoutIdentities ?? [];
    const identity = await choosePostgresIdentity({ nativeFolder, runFolder: folder, without });
    const { backup } = options;
    const password = backup?.password ?? randomBytes(24).toString("base64url");
    if (backup === undefined) await createCluster({ identity, folder, password, guard });
    else await rename(backup.folder, join(folder, "data"));
    const server = await startServer({ identity, folder, options, guard });
    return handleOf({ server, folder, password, identity, guard, options });
  } catch (error) {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    await guard.release();
    throw error;
  }
}

interface RunningServer {
  readonly child: ChildProcess;
  readonly port: number;
  readonly exited: Promise<void>;
}

async function createCluster(parts: {
  identity: PostgresIdentity;
  folder: string;
  password: string;
  guard: ParentGuard;
}): Promise<void> {
  const { identity, folder, password, guard } = parts;
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  await chown(passwordFile, identity.uid ?? process.getuid?.() ?? 0, identity.gid ?? process.getgid?.() ?? 0);
  const child = spawnAs(identity, "initdb", folder, [
    `--pgdata=${join(folder, "data")}`,
    `--username=${USER}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--no-locale",
    "--no-sync",
    "--no-instructions",
  ]);
  const log = keepLog(child);
  const dismiss = guard.endProcess(child.pid ?? 0, "KILL");
  const [code] = (await once(child, "close")) as [number | null];
  dismiss();
  await rm(passwordFile, { force: true });
  if (code !== 0) throw failed(`initdb ended with code ${code}`, log);
}

async function startServer(parts: {
  identity: PostgresIdentity;
  folder: string;
  options: PostgresOptions;
  guard: ParentGuard;
}): Promise<RunningServer> {
  const { identity, folder, options, guard } = parts;
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    const settings = {
      port: String(port),
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      max_connections: String(options.maxConnections ?? 100),
      shared_buffers: "128MB",
      jit: "off",
      timezone: "UTC",
      log_timezone: "UTC",
      ...(options.durability === "full" ? {} : NO_DURABILITY),
      ...options.settings,
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const child = spawnAs(identity, "postgres", folder, ["-D", join(folder, "data"), ...flags]);
    const dismiss = guard.endProcess(child.pid ?? 0, "QUIT");
    const exited = once(child, "close").then(() => dismiss());
    const log = keepLog(child, options.onLogLine);
    const outcome = await firstOutcome(child, exited);
    if (outcome === "ready") return { child, port, exited };
    child.kill("SIGKILL");
    await exited;
    const mayRetry = options.port === undefined && attempt < MAX_PORT_ATTEMPTS;
    if (outcome === "timed-out" || !mayRetry || !log.some((line) => PORT_TAKEN.test(line))) {
      throw failed(`PostgreSQL ${outcome} before it was ready`, log);
    }
  }
}

/**
 * Waits for the first of three events: the server logs that it is ready, its process ends, or the time limit is over.
 */
async function firstOutcome(
  child: ChildProcess,
  exited: Promise<void>,
): Promise<"ready" | "ended" | "timed-out"> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      new Promise<"ready">((resolve) => {
        let seen = "";
        child.stderr?.on("data", (chunk: Buffer) => {
          seen = (seen + chunk.toString()).slice(-4096);
          if (seen.includes(READY)) resolve("ready");
        });
      }),
      exited.then(() => "ended" as const),
      new Promise<"timed-out">((resolve) => {
        timer = setTimeout(() => resolve("timed-out"), START_TIMEOUT_MS);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

function handleOf(parts: {
  server: RunningServer;
  folder: string;
  password: string;
  identity: PostgresIdentity;
  guard: ParentGuard;
  options: PostgresOptions;
}): PostgresServer {
  const { folder, password, identity, guard, options } = parts;
  let { server } = parts;
  const { port } = server;
  let stopping: Promise<void> | undefined;
  const url = (database: string): string =>
    `postgres://${USER}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  const stop = async (): Promise<void> => {
    await announcePostgresStopping(url);
    // SIGINT asks for a fast shutdown, which rolls back all sessions. If this takes too long, SIGQUIT and then SIGKILL
    // end the server.
    for (const signal of ["SIGINT", "SIGQUIT", "SIGKILL"] as const) {
      server.child.kill(signal);
      if (await settlesWithin(server.exited, STOP_TIMEOUT_MS)) break;
    }
    await rm(folder, { recursive: true, force: true });
    await guard.release();
  };
  return {
    port,
    get pid() {
      return server.child.pid ?? 0;
    },
    folder,
    runsAs: identity.kind,
    get ended() {
      return server.exited;
    },
    url,
    async restart() {
      await server.exited;
      server = await startServer({ identity, folder, options: { ...options, port }, guard });
    },
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

function spawnAs(identity: PostgresIdentity, binary: string, folder: string, args: string[]): ChildProcess {
  const [command, ...rest] = [...identity.prefix, join(identity.binFolder, binary), ...args];
  const child = spawn(command!, rest, {
    cwd: folder,
    // Our code searches the server's log for English messages, so LC_ALL fixes their language. From our environment the
    // server gets only PATH.
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
    stdio: ["ignore", "pipe", "pipe"],
    // Ctrl+C must reach only this process, which then ends the server in an orderly way.
    detached: true,
    ...(identity.uid === undefined ? {} : { uid: identity.uid }),
    ...(identity.gid === undefined ? {} : { gid: identity.gid }),
  });
  // If the process cannot start, "close" follows this event and reports the failure.
  child.on("error", () => {});
  return child;
}

function keepLog(child: ChildProcess, onLine?: (line: string) => void): string[] {
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on("line", (line) => {
      onLine?.(line);
      lines.push(line);
      if (lines.length > MAX_KEPT_LOG_LINES) lines.shift();
    });
  }
  return lines;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function settlesWithin(promise: Promise<void>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  const settled = await Promise.race([promise.then(() => true), limit]);
  clearTimeout(timer);
  return settled;
}

function failed(what: string, log: readonly string[]): LocalRuntimeError {
  return new LocalRuntimeError({
    code: "postgres-failed",
    message: `${what}: ${log.slice(-8).join(" | ")}`,
    remedy: "Read the log lines in the message; free memory, disk or the port.",
  });
}
