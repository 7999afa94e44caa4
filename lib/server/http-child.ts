/**
 * Keeps the HTTP process alive: restarts the process after a growing delay if it ends by itself (restart-policy.ts).
 *
 *   starting --listening--> serving --exit--> pausing --pause over--> starting
 *       \--cannot listen, at the first start--> (start rejects)
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { realpathSync } from "node:fs";
import { dirname, extname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "../clock/clock.ts";
import { OperatorError } from "../errors/operator-error.ts";
import type { Logger } from "../telemetry/logger.ts";
import { decideRestart } from "../worker/restart-policy.ts";
import { formatAddress } from "./access/listen-address.ts";
import { httpEnvironment, httpPermissions } from "./http-environment.ts";
import type { FromHttp, HttpIndexer, HttpSettings, ToHttp } from "./http-messages.ts";
import type { SupervisorHealth } from "./workers-report.ts";

export interface HttpChildOptions {
  readonly settings: HttpSettings;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The metrics in Prometheus's text format. */
  readonly scrape: () => Promise<string>;
  /**
   * Returns the indexers, which are sent to the process at its start, and again when the function returns a new array.
   */
  readonly indexers: () => readonly HttpIndexer[];
  /** Returns the state that is sent to the process each second. */
  readonly describe: (http: { readonly httpPid: number; readonly httpRestarts: number }) => SupervisorHealth;
}

const TELL_EVERY_MS = 1_000;
/** An idle server closes at once; a hung server is killed after this time. */
const CLOSE_MS = 5_000;
/** The file that the HTTP process runs: TypeScript or compiled, like this file. */
const ENTRY = join(import.meta.dirname, `http-process${extname(import.meta.filename)}`);

export class HttpChild {
  readonly #options: HttpChildOptions;
  #child: ChildProcess | undefined;
  #port: number;
  #restarts = 0;
  #failures = 0;
  #isStopping = false;
  /** The indexers last sent to the running child. */
  #toldIndexers: readonly HttpIndexer[] | undefined;
  #cancel = (): void => {};
  #cancelTelling = (): void => {};

  constructor(options: HttpChildOptions) {
    this.#options = options;
    this.#port = options.settings.listen.port;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /**
   * Resolves with the port once the server listens.
   * @throws {OperatorError} `address-unusable`
   */
  async start(): Promise<number> {
    const child = this.#start();
    const [how] = (await Promise.race([
      once(child, "message"),
      once(child, "exit").then(() => [{ kind: "failed", code: "its process ended" }]),
    ])) as [FromHttp];
    if (how.kind === "listening") return how.port;
    await this.stop();
    throw unusable(formatAddress(this.#options.settings.listen), how.kind === "failed" ? how.code : how.kind);
  }

  /** Sends the state at once instead of within a second. */
  refresh(): void {
    if (this.#child === undefined) return;
    this.#cancelTelling();
    this.#tellHealth(this.#child);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#cancel();
    this.#cancelTelling();
    const child = this.#child;
    if (child === undefined) return;
    const exited = once(child, "exit");
    const kill = setTimeout(() => child.kill("SIGKILL"), CLOSE_MS);
    if (child.connected) child.disconnect();
    await exited;
    clearTimeout(kill);
  }

  #start(): ChildProcess {
    const { variables, settings, clock } = this.#options;
    const env = httpEnvironment(variables);
    const hasQueue = this.#options.indexers().some(({ queueUrl }) => queueUrl !== undefined);
    const child = fork(ENTRY, [], {
      env,
      execArgv: httpPermissions(variables, codePaths(), hasQueue),
      serialization: "advanced",
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child = child;
    this.#toldIndexers = undefined;
    const startedAtMs = clock.now();
    // If the system chose the port, a restarted process listens on the same port, so that open consoles can reconnect.
    tell(child, {
      kind: "settings",
      settings: { ...settings, listen: { ...settings.listen, port: this.#port } },
    });
    this.#tellHealth(child);
    child.on("message", (message: FromHttp) => {
      if (message.kind === "listening") this.#port = message.port;
      else if (message.kind === "failed") child.kill("SIGKILL");
      else void this.#options.scrape().then((text) => tell(child, { kind: "scraped", text }));
    });
    child.once("exit", (code, signal) => this.#lose(child, startedAtMs, signal ?? `exit code ${code}`));
    return child;
  }

  #tellIndexers(child: ChildProcess): void {
    const indexers = this.#options.indexers();
    if (indexers === this.#toldIndexers) return;
    this.#toldIndexers = indexers;
    tell(child, { kind: "indexers", indexers });
  }

  #tellHealth(child: ChildProcess): void {
    const { clock, describe } = this.#options;
    this.#tellIndexers(child);
    tell(child, { kind: "health", health: describe({ httpPid: this.pid, httpRestarts: this.#restarts }) });
    this.#cancelTelling = clock.after(TELL_EVERY_MS, () => this.#tellHealth(child));
  }

  #lose(child: ChildProcess, startedAtMs: number, how: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#cancelTelling();
    if (this.#isStopping) return;
    const { clock, logger } = this.#options;
    const { failures, delayMs } = decideRestart(this.#failures, clock.now() - startedAtMs);
    this.#failures = failures;
    this.#restarts += 1;
    logger.error({ how, delayMs, failures }, "the HTTP process ended; restarting it");
    this.#cancel = clock.after(delayMs, () => this.#start());
  }
}

function tell(child: ChildProcess, message: ToHttp): void {
  // The process may have ended already; its exit event handles that.
  if (child.connected) child.send(message, () => {});
}

/** The folders of the process's code and packages; not the whole repository, which may contain files with secrets. */
function codePaths(): string[] {
  const library = dirname(dirname(ENTRY));
  const root = dirname(library);
  const fastify = realpathSync(fileURLToPath(import.meta.resolve("fastify")));
  const end = fastify.indexOf(`${sep}node_modules${sep}`) + `${sep}node_modules${sep}`.length;
  return [
    `${library}${sep}*`,
    `${fastify.slice(0, end)}*`,
    ...[root, dirname(root)].map((folder) => join(folder, "package.json")),
    `${join(root, "node_modules")}${sep}*`,
  ];
}

function unusable(address: string, code: string): OperatorError {
  return new OperatorError({
    code: "address-unusable",
    message: `--listen ${address}: expected an address of this machine with a free port, got ${code}`,
    remedy: "Choose another address or port, or stop the process that listens there.",
  });
}
