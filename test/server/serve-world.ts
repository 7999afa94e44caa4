/**
 * A real `serve` for tests, started like an operator's, with its own port and folder; its workers have nothing to do.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CliProcess, startCli } from "../cli/cli-process.ts";

/** A seed whose account no host knows. */
export const SEED = `${"5e".repeat(31)}7a`;

export interface ServeProcess {
  readonly cli: CliProcess;
  readonly url: string;
  readonly token: string;
  /** Sends the token, unless `init` has the header `authorization`. */
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
  /** Sends SIGTERM and returns the exit code. */
  readonly stop: () => Promise<number | null>;
}

export interface ServeWorld {
  readonly folder: string;
  readonly variables: Readonly<Record<string, string>>;
  /** @param variables default: the world's */
  start(
    args?: readonly string[],
    listen?: string,
    variables?: Readonly<Record<string, string>>,
  ): Promise<ServeProcess>;
  /** Ends all running processes. */
  clean(): Promise<void>;
}

/** @param extra additional or overriding variables */
export function createServeWorld(
  databaseUrl: () => string,
  extra: Readonly<Record<string, string>> = {},
): ServeWorld {
  const folder = mkdtempSync(join(tmpdir(), "slabmend-serve-"));
  const started = new Set<CliProcess>();
  const world: ServeWorld = {
    folder,
    get variables() {
      return {
        SLABMEND_DATABASE_URL: databaseUrl(),
        SLABMEND_MIGRATION_SEED: SEED,
        STATE_DIRECTORY: folder,
        SLABMEND_INDEXD_GRACE_SECONDS: "0",
        ...extra,
      };
    },
    async start(args = [], listen = "127.0.0.1:0", variables = world.variables) {
      const cli = startCli(
        ["serve", "--listen", listen, "--concurrency", "2", "--timeout", "10", ...args],
        variables,
      );
      started.add(cli);
      await cli.until('"message":"serving"');
      const line = cli
        .out()
        .split("\n")
        .find((text) => text.includes('"message":"serving"'))!;
      const { url } = JSON.parse(line) as { url: string };
      const token = readFileSync(join(folder, "token"), "utf8").trim();
      return {
        cli,
        url,
        token,
        fetch: (path, init = {}) =>
          fetch(url + path, {
            ...init,
            headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) },
          }),
        async stop() {
          cli.child.kill("SIGTERM");
          return await cli.ended;
        },
      };
    },
    async clean() {
      for (const cli of started) {
        cli.child.kill("SIGKILL");
        await cli.ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return world;
}

/** Sends a request without changing its path, and with any headers, even those that fetch refuses. */
export function rawRequest(
  url: string,
  options: {
    readonly path: string;
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: Buffer | string;
  },
): Promise<{
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const { path, method = "GET", headers = {}, body } = options;
    const asking = request({ hostname, port, path, method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    });
    asking.on("error", reject);
    asking.end(body);
  });
}
