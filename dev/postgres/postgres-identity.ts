/**
 * Chooses the user that runs PostgreSQL. PostgreSQL refuses to run as root, so if this process is root, another user
 * must run PostgreSQL. That user must be able to reach the binaries and the data. The methods, in the order in which
 * they are tried:
 * 1. an ordinary user runs PostgreSQL directly;
 * 2. root switches to the user `nobody`, if `nobody` can reach the binaries and the data;
 * 3. root enters a user namespace in which it is not root (works even below folders of mode 0700, and changes no file's
 *    owner);
 * 4. root copies the binaries into the run's folder and switches to `nobody`. This also works in a container that
 *    forbids namespaces.
 */
import { execFile } from "node:child_process";
import { chown, cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { LocalRuntimeError } from "../process/errors.ts";

const run = promisify(execFile);

export interface PostgresIdentity {
  readonly kind: "ourselves" | "nobody" | "user-namespace" | "nobody-with-copy";
  /** Folder that contains the programs `postgres` and `initdb`. */
  readonly binFolder: string;
  /** Words before the program on the command line; empty for most methods. */
  readonly prefix: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
}

export interface IdentityRequest {
  /** Folder that holds bin, lib and share. */
  readonly nativeFolder: string;
  /** Folder to which the chosen user must be able to write; for this, the folder may get another owner. */
  readonly runFolder: string;
  /** Methods to skip, for tests. */
  readonly without?: readonly PostgresIdentity["kind"][];
}

export async function choosePostgresIdentity(request: IdentityRequest): Promise<PostgresIdentity> {
  const { nativeFolder, runFolder, without = [] } = request;
  const binFolder = join(nativeFolder, "bin");
  if (process.getuid?.() !== 0) return { kind: "ourselves", binFolder, prefix: [] };
  const refused: string[] = [];
  const nobody = await nobodyIds();
  const ways: [PostgresIdentity["kind"], () => Promise<PostgresIdentity>][] = [
    ["nobody", async () => ({ kind: "nobody", binFolder, prefix: [], ...nobody })],
    [
      "user-namespace",
      async () => {
        const ids = [`--map-user=${nobody.uid}`, `--map-group=${nobody.gid}`];
        return { kind: "user-namespace", binFolder, prefix: ["unshare", "--user", ...ids, "--"] };
      },
    ],
    [
      "nobody-with-copy",
      async () => {
        const copy = join(runFolder, "native");
        await mkdir(copy, { mode: 0o755 });
        // The symbolic links between the libraries are relative. Without `verbatimSymlinks`, the copied links would be
        // absolute.
        await cp(nativeFolder, copy, { recursive: true, verbatimSymlinks: true });
        return { kind: "nobody-with-copy", binFolder: join(copy, "bin"), prefix: [], ...nobody };
      },
    ],
  ];
  for (const [kind, prepare] of ways) {
    if (without.includes(kind)) continue;
    try {
      const identity = await prepare();
      await chown(runFolder, identity.uid ?? 0, identity.gid ?? 0);
      await probe(identity, runFolder);
      return identity;
    } catch (error) {
      refused.push(`${kind} (${firstLine(error)})`);
    }
  }
  throw new LocalRuntimeError({
    code: "postgres-cannot-run",
    message: `PostgreSQL does not run as root, and no other identity reaches its files: ${refused.join("; ")}`,
    remedy: "Run as an ordinary user, or set TMPDIR to a folder that all users may enter.",
  });
}

/** Tests whether the identity works: as this user, runs the real binary and writes to the run's folder. */
async function probe(identity: PostgresIdentity, runFolder: string): Promise<void> {
  const script = `"$1" --version >/dev/null && : > "$2/probe" && rm "$2/probe"`;
  const binary = join(identity.binFolder, "postgres");
  const [command, ...args] = [
    ...identity.prefix,
    "/bin/sh",
    "-c",
    script,
    "probe",
    binary,
    runFolder,
  ] as const;
  const { uid, gid } = identity;
  await run(command!, args, {
    cwd: "/",
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
}

/** User and group id of `nobody`: 65534 on Linux, -2 on macOS. */
async function nobodyIds(): Promise<{ uid: number; gid: number }> {
  const id = async (flag: string): Promise<number> =>
    Number((await run("id", [flag, "nobody"])).stdout) >>> 0;
  return Promise.all([id("-u"), id("-g")]).then(
    ([uid, gid]) => ({ uid, gid }),
    () => ({ uid: 65_534, gid: 65_534 }),
  );
}

function firstLine(error: unknown): string {
  const text =
    error instanceof Error && "stderr" in error && error.stderr !== "" ? String(error.stderr) : String(error);
  return text.trim().split("\n", 1)[0]!.slice(0, 200);
}
