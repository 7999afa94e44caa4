/** The commands of test/interop/sdk/client.py as functions. Each call runs the official SDK in a separate process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as v from "valibot";

const CLIENT = fileURLToPath(new URL("../sdk/client.py", import.meta.url));

const Ids = v.array(v.string());
const Downloads = v.array(
  v.union([
    v.object({ bytes: v.number(), sha256: v.string(), hasMetadata: v.boolean() }),
    v.object({ error: v.string() }),
  ]),
);
const Cursor = v.object({ id: v.string(), after: v.string() });
const Events = v.object({
  events: v.array(v.object({ id: v.string(), deleted: v.boolean() })),
  cursor: v.nullable(Cursor),
});
/** For each object and each of its slabs, the locations of the sectors, written as `root ed25519:host`. */
const Locations = v.record(v.string(), v.array(v.array(v.string())));

type Cursor = v.InferOutput<typeof Cursor>;
export type Downloaded = v.InferOutput<typeof Downloads>[number];

export interface OfficialClient {
  /** @returns the object's id */
  upload(path: string): Promise<string>;
  /** @returns the object's new id */
  append(id: string, path: string): Promise<string>;
  overwrite(id: string, path: string, offset: number): Promise<string>;
  pack(paths: readonly string[]): Promise<string[]>;
  download(ids: readonly string[]): Promise<Downloaded[]>;
  events(after?: Cursor): Promise<v.InferOutput<typeof Events>>;
  locate(ids: readonly string[]): Promise<Readonly<Record<string, string[][]>>>;
  /**
   * Follows the events from now on. `stop` returns the final locations of the sectors, derived from the events alone.
   */
  follow(): { stop(): Promise<Readonly<Record<string, string[][]>>> };
}

export function officialClient(options: {
  /** The virtual environment. */
  readonly environment: string;
  readonly indexerUrl: string;
  readonly appSeed: Uint8Array;
  readonly code: { readonly dataShards: number; readonly parityShards: number };
}): OfficialClient {
  const { code } = options;
  const start = (command: Readonly<Record<string, unknown>>): ChildProcess =>
    spawn(join(options.environment, "bin/python3"), [CLIENT, JSON.stringify(command)], {
      env: {
        PATH: process.env["PATH"],
        INDEXER_URL: options.indexerUrl,
        APP_SEED: Buffer.from(options.appSeed).toString("hex"),
      },
      stdio: ["pipe", "pipe", "pipe"],
    });
  const call = (command: Readonly<Record<string, unknown>>): Promise<unknown> => resultOf(start(command));
  const one = async (command: Readonly<Record<string, unknown>>): Promise<string> =>
    v.parse(Ids, await call({ do: "upload", ...code, ...command }))[0]!;
  return {
    upload: (path) => one({ path }),
    append: (to, path) => one({ to, path }),
    overwrite: (to, path, offset) => one({ to, path, offset }),
    pack: async (paths) => v.parse(Ids, await call({ do: "pack", ...code, paths })),
    download: async (ids) => v.parse(Downloads, await call({ do: "download", ids })),
    events: async (after) => v.parse(Events, await call({ do: "events", after })),
    locate: async (ids) => v.parse(Locations, await call({ do: "locate", ids })),
    follow() {
      const child = start({ do: "follow" });
      const result = resultOf(child);
      // Marks a failure before `stop` as handled: `stop` awaits the result and throws the failure.
      result.catch(() => undefined);
      return {
        async stop() {
          child.stdin?.end();
          return v.parse(Locations, await result);
        },
      };
    },
  };
}

async function resultOf(child: ChildProcess): Promise<unknown> {
  let out = "";
  let err = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`the SDK's client ended with ${code}:\n${err}`);
  return JSON.parse(out);
}
