import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
/** scripts/install-pg-dump.sh */
const INSTALLED = fileURLToPath(new URL("../../.slabmend/pg-dump/pg_dump", import.meta.url));

/**
 * Finds a pg_dump of the embedded server's major version or newer (the server's npm packages have none): SLABMEND_PG_DUMP, the
 * one unpacked by scripts/install-pg-dump.sh, or the one on the PATH.
 * @returns undefined if none of them is new enough
 */
export async function findPgDump(major: number): Promise<string | undefined> {
  const given = process.env["SLABMEND_PG_DUMP"];
  const candidates = [
    ...(given === undefined ? [] : [given]),
    ...(existsSync(INSTALLED) ? [INSTALLED] : []),
    "pg_dump",
  ];
  for (const path of candidates) {
    const version = await run(path, ["--version"]).then(
      ({ stdout }) => Number(/\(PostgreSQL\) (\d+)/.exec(stdout)?.[1] ?? 0),
      () => 0,
    );
    if (version >= major) return path;
  }
  return undefined;
}
