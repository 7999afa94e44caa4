import { join } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import { ConfigurationError } from "../../config/configuration-error.ts";
import type { ConfiguredIndexer } from "../../config/indexer-files.ts";
import { readServedIndexers } from "../../config/served-indexers.ts";
import { WORK_VARIABLES } from "../../config/work-variables.ts";
import { CONSOLE_POLICY, consoleAssets } from "../../console/console-assets.ts";
import { assertClocksAgree } from "../../database/client/assert-clocks-agree.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import type { Secret } from "../../secret/secret.ts";
import { readOrMakeToken } from "../../server/access/access-token.ts";
import { type ListenAddress, parseListenAddress } from "../../server/access/listen-address.ts";
import { hashPassword, isPasswordHash } from "../../server/access/password.ts";
import { readSecretFile, stateFolder, writeSecretFile } from "../../server/access/secret-file.ts";
import type { ServedIndexer } from "../../server/create-control.ts";
import { startServe } from "../../server/start-serve.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { mayPass } from "../../worker/may-pass.ts";
import { describeWork } from "../../worker/work-report.ts";
import { action, type CommandContext, type CommandHost, withVariables } from "../command/command-context.ts";
import { withDatabase } from "../command/open-database.ts";
import { type LogVariables, openLog } from "../command/open-log.ts";
import { concurrencyOption, defaultConcurrency, timeoutOption } from "../command/worker-options.ts";

export interface ServeOptions {
  readonly listen: ListenAddress;
  readonly concurrency?: number;
  readonly timeout: number;
  readonly allowHost: readonly string[];
  readonly passwordFile?: string;
  readonly tokenFile?: string;
  readonly setPassword?: boolean;
}

/** The defaults of `serve`. */
export const SERVE_DEFAULTS: ServeOptions = {
  listen: { host: "127.0.0.1", port: 8_484, isLoopback: true },
  timeout: 300,
  allowHost: [],
};

function listenAddress(text: string): ListenAddress {
  const address = parseListenAddress(text);
  if (address !== undefined) return address;
  throw new InvalidArgumentError("Expected ADDRESS:PORT, such as 127.0.0.1:8484 or [::1]:8484.");
}

function hostName(text: string, others: readonly string[]): readonly string[] {
  if (/^[a-z0-9._-]{1,253}$/i.test(text)) return [...others, text.toLowerCase()];
  throw new InvalidArgumentError("Expected a host name, without port.");
}

export function addServe(host: CommandHost): void {
  host.program
    .command("serve")
    .description("repair on this machine until stopped, with a web console, an HTTP API and health checks")
    .addOption(
      new Option(
        "--listen <address:port>",
        "address for HTTP; any address other than loopback needs a password",
      )
        .argParser(listenAddress)
        .default(SERVE_DEFAULTS.listen, "127.0.0.1:8484"),
    )
    .addOption(concurrencyOption())
    .addOption(timeoutOption())
    .addOption(
      new Option(
        "--allow-host <name>",
        "another host name of this server, such as a proxy's; may be repeated",
      )
        .argParser(hostName)
        .default(SERVE_DEFAULTS.allowHost, "none"),
    )
    .option(
      "--token-file <path>",
      "file with the token that allows changes; created at the first start; default: the file token in the state folder",
    )
    .option(
      "--password-file <path>",
      "file with the password's hash; default: the file password in the state folder",
    )
    .option(
      "--set-password",
      "read a password from standard input, write its hash to the password file, and exit",
    )
    .addHelpText(
      "after",
      `
It needs no AWS and no queue: it runs claim and reap and supervises the workers. Crashed parts are restarted with growing
delays; /readyz and the console say what is wrong. The state folder is $STATE_DIRECTORY (systemd), $XDG_STATE_HOME/slabmend or
~/.local/state/slabmend. docs/server.md describes the security model. The log goes to standard output: as text at a terminal, as
JSON lines elsewhere and with --json, unless SLABMEND_LOG_FORMAT (json or lines) says otherwise.

SIGTERM or Ctrl+C drains: it begins nothing more, finishes running repairs and exits with 0, at most --timeout plus 45 s later.
Allow the service manager that time (systemd: TimeoutStopSec). A second signal ends it at once, with 130; workers still finish
their current repairs. It exits with 3 or 4 only at its start: for bad options or variables, an address in use, or a database that
cannot be used. It waits for a database that is temporarily unreachable.`,
    )
    .action(
      action<ServeOptions>(host, async (context, options) => {
        if (options.setPassword === true) return await setPassword(context, options);
        return await serve(context, options);
      }),
    );
}

async function setPassword(context: CommandContext, options: ServeOptions): Promise<"done"> {
  const path = options.passwordFile ?? join(stateFolder(context.variables), "password");
  let text = "";
  context.note("Type the password, then press Enter and Ctrl+D:");
  for await (const chunk of context.io.stdin) text += String(chunk);
  await writeSecretFile(path, await hashPassword(text.replace(/\r?\n$/, "")));
  context.print({ passwordFile: path }, `wrote ${path}`);
  return "done";
}

export async function serve(context: CommandContext, options: ServeOptions): Promise<"done"> {
  const { io } = context;
  const isOne = !context.variables["SLABMEND_INDEXERS"];
  const configuration = isOne ? onlyOne(context) : severalIn(context);
  const folder = stateFolder(context.variables);
  const passwordHash = await readPassword(options, join(folder, "password"));
  const tokenFile = options.tokenFile ?? join(folder, "token");
  const { format, logger, variables } = openLog(context, configuration.environment, "serve");
  if (isOne) await checkDatabase(context, logger);
  const token = await readOrMakeToken(tokenFile);
  const running = await startServe({
    variables,
    readConfiguration: configuration.read,
    parseIndexer: (indexer) => parseIndexer(context, indexer),
    listen: options.listen,
    hostNames: options.allowHost,
    token,
    passwordHash,
    files: await consoleAssets(),
    policy: CONSOLE_POLICY,
    concurrency: options.concurrency ?? defaultConcurrency(),
    timeoutMs: options.timeout * 1_000,
    clock: io.clock,
    logger,
  });
  logger.info({ url: running.url, tokenFile, drainMs: running.drainMs }, "serving");
  // Browsers do not send the fragment, so no server can log the token.
  if (io.stderr.isTTY === true) context.note(`console: ${running.url}/#token=${token.reveal()}`);
  await untilToldToEnd(io.signal);
  logger.info({ atMostMs: running.drainMs }, "draining");
  const report = await running.drain();
  const done = { done: true, ...report };
  context.print(done, format === "json" ? JSON.stringify(done) : describeWork(report));
  return "done";
}

interface Configuration {
  /** The settings that all indexers share. */
  readonly environment: LogVariables;
  readonly read: () => ReturnType<typeof readServedIndexers>;
}

/** The configuration for a single indexer: any problem with its variables ends the command at once. */
function onlyOne(context: CommandContext): Configuration {
  const environment = context.parse(WORK_VARIABLES);
  const { SLABMEND_INDEXER: name } = environment;
  const variables = { ...context.variables, SLABMEND_DATABASE_URL: context.databaseUrl?.reveal() };
  return { environment, read: () => ({ indexers: [{ name, environment: variables }], problems: [] }) };
}

/**
 * The configuration for several indexers: the problems that `readServedIndexers` finds, such as a bad file name or a
 * shared database, end the command at once. If an invalid variable is found later, only the indexer to which it belongs
 * does not start.
 */
function severalIn(context: CommandContext): Configuration {
  const read = () => readServedIndexers(context.variables);
  const { problems } = read();
  if (problems.length > 0) throw new ConfigurationError(problems);
  return { environment: context.parse(["SLABMEND_LOG_LEVEL", "SLABMEND_METRICS_NAMESPACE"]), read };
}

/** @throws {ConfigurationError} */
function parseIndexer(
  context: CommandContext,
  { name, environment: given }: ConfiguredIndexer,
): ServedIndexer {
  const own = withVariables(context, { ...given, SLABMEND_INDEXER: name, SLABMEND_INDEXERS: undefined });
  const environment = own.parse(["SLABMEND_DATABASE_URL", ...WORK_VARIABLES]);
  const { logger, metrics, variables } = openLog(own, environment, "serve");
  return { name, environment, variables, logger, metrics };
}

/**
 * A permanent problem with the database ends the command. A temporary one is only logged: serve starts and tries again.
 */
async function checkDatabase(context: CommandContext, logger: Logger): Promise<void> {
  const { clock } = context.io;
  try {
    await withDatabase(context, { needs: "fleet" }, (ask) =>
      ask((sql) => assertClocksAgree(sql, clock), { isIdempotent: true }),
    );
  } catch (error) {
    if (context.io.signal.aborted || !mayPass(error)) throw error;
    logger.warn({ error }, "the database could not be used; trying again");
  }
}

/** @throws {OperatorError} `password-missing` */
async function readPassword(options: ServeOptions, fallback: string): Promise<Secret<string> | null> {
  // With --password-file a password is required on loopback too: behind a proxy all requests come from loopback.
  if (options.listen.isLoopback && options.passwordFile === undefined) return null;
  const path = options.passwordFile ?? fallback;
  const hash = await readSecretFile(path);
  if (hash !== undefined && isPasswordHash(hash.reveal())) return hash;
  throw new OperatorError({
    code: "password-missing",
    message: `${path}: expected the hash of a password, got ${hash === undefined ? "no file" : "something else"}`,
    remedy:
      "Create it with slabmend serve --set-password, which reads a password from standard input. On 127.0.0.1 no password is needed if --password-file is not given.",
  });
}

function untilToldToEnd(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
