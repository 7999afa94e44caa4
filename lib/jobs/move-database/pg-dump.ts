/** The schema of a database, dumped by PostgreSQL's own pg_dump. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { MoveError } from "../../database/move/move-error.ts";
import type { Secret } from "../../secret/secret.ts";

const run = promisify(execFile);
const VERSION_MS = 10_000;
const DUMP_MS = 300_000;
/** The schema of indexd's tables and ours takes 200 KiB. */
const MOST_BYTES = 64 * 1_048_576;

/** @returns pg_dump's major version, or a string that explains why there is none */
export async function readPgDumpVersion(path: string): Promise<number | string> {
  try {
    const { stdout } = await run(path, ["--version"], { timeout: VERSION_MS });
    const major = /\(PostgreSQL\) (\d+)/.exec(stdout)?.[1];
    return major === undefined ? "a program that does not report a version of PostgreSQL" : Number(major);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "an error";
    return code === "ENOENT" ? `none at ${path}` : `${code} from ${path}`;
  }
}

/**
 * Dumps tables, keys, indexes, sequences, functions, triggers, owners and privileges, as SQL that one multi-statement
 * query can execute. The password is passed in the child process's environment, which only this user can read.
 * @throws {MoveError} `dump-failed`
 */
export async function dumpSchema(options: {
  readonly path: string;
  readonly url: Secret<string>;
  /** PEM. */
  readonly authorities: string | undefined;
}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "slabmend-dump-"));
  try {
    const certificates = join(folder, "authorities.pem");
    if (options.authorities !== undefined)
      await writeFile(certificates, options.authorities, { mode: 0o600 });
    const { stdout } = await run(
      options.path,
      ["--schema-only", "--no-publications", "--no-subscriptions", "--no-tablespaces", "--no-password"],
      {
        timeout: DUMP_MS,
        maxBuffer: MOST_BYTES,
        env: {
          ...process.env,
          ...loginVariables(options.url),
          ...(options.authorities === undefined ? {} : { PGSSLROOTCERT: certificates }),
        },
      },
    );
    return withoutPsqlCommands(stdout);
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
    throw new MoveError({
      code: "dump-failed",
      message: `pg_dump: expected the source's schema, got ${said.trim().split("\n")[0]?.slice(0, 300)}`,
      remedy: "slabmend move-database plan shows which pg_dump is needed.",
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** libpq's own variables. */
function loginVariables(secret: Secret<string>): Record<string, string> {
  const url = new URL(secret.reveal());
  const mode = url.searchParams.get("sslmode");
  return {
    PGHOST: decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1"),
    PGPORT: url.port || "5432",
    PGUSER: decodeURIComponent(url.username),
    ...(url.password === "" ? {} : { PGPASSWORD: decodeURIComponent(url.password) }),
    PGDATABASE: decodeURIComponent(url.pathname.slice(1)),
    ...(mode === null ? {} : { PGSSLMODE: mode }),
    PGAPPNAME: "slabmend-move",
  };
}

/** Since 2025 a dump begins and ends with \restrict and \unrestrict, which only psql understands. */
export function withoutPsqlCommands(dump: string): string {
  return dump
    .split("\n")
    .filter((line) => !/^\\(un)?restrict /.test(line))
    .join("\n");
}
