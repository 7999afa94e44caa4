import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
/** scripts/install-pg-dump.sh */
const INSTALLED = fileURLToPath(new URL("../../.slabmend/pg-dump/pg_dump", import.meta.url));

/**
 * Finds a pg_dump that is at least as new as the embedded server. The server's npm packages contain no pg_dump.
 * Candidates are, in this order, the path in SLABMEND_PG_DUMP, the one that scripts/install-pg-dump.sh unpacked, and
 * the one on the PATH.
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
