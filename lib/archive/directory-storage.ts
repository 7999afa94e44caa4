/**
 * An archive in a directory. A file appears completely or not at all: it is written under a temporary name, made
 * durable, and then linked to its final name, which fails if that name exists. Manifests are numbered, and the manifest
 * with the highest number is valid, so the manifest is replaced by creating the one with the next number. If two
 * processes replace it at the same time, the slower one creates no manifest, or creates one whose number is not the
 * highest.
 */
import { randomUUID } from "node:crypto";
import { link, mkdir, open, readdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { ArchiveError, altered, unavailable } from "./archive-error.ts";
import { type ArchiveStorage, MOST_FILE_BYTES } from "./archive-storage.ts";

const MANIFESTS = "manifests";
const UNFINISHED = "unfinished";
/**
 * Number of manifests that are kept: the newest is valid; the older ones are for processes that are just reading them.
 */
const MANIFESTS_KEPT = 10;
/**
 * A temporary file that is older than this is deleted. No write takes this long, so the process that wrote the file is
 * dead.
 */
const UNFINISHED_MS = 3_600_000;

export function createDirectoryStorage(directory: string): ArchiveStorage {
  const guard = async <Result>(what: string, work: () => Promise<Result>): Promise<Result> =>
    await work().catch((cause: unknown) => {
      throw cause instanceof ArchiveError ? cause : unavailable(directory, what, cause);
    });
  const create = async (key: string, bytes: Uint8Array): Promise<boolean> => {
    const path = join(directory, key);
    const unfinished = join(directory, UNFINISHED, randomUUID());
    await mkdir(dirname(path), { recursive: true });
    await mkdir(dirname(unfinished), { recursive: true });
    try {
      await writeDurably(unfinished, bytes);
      await link(unfinished, path);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
      // The file exists already, and the caller will rely on it. The process that created it may have died before the
      // name was durable, so the name is made durable here.
      await syncDirectories(dirname(path), directory);
      return false;
    } finally {
      await rm(unfinished, { force: true });
    }
    await syncDirectories(dirname(path), directory);
    return true;
  };
  const numbers = async (): Promise<number[]> => {
    const names = await readdir(join(directory, MANIFESTS)).catch(nothingIfMissing);
    return (names ?? []).map(numberOf).filter((number) => number > 0);
  };
  return {
    place: directory,
    read: (key) =>
      guard(`read ${key}`, async () => {
        const path = join(directory, key);
        const size = (await stat(path).catch(nothingIfMissing))?.size;
        if (size === undefined) return undefined;
        if (size > MOST_FILE_BYTES) throw altered(key, `at most ${MOST_FILE_BYTES} bytes`, String(size));
        return await readFile(path);
      }),
    create: (key, bytes) => guard(`create ${key}`, () => create(key, bytes)),
    readHead: () =>
      guard("read the manifest", async () => {
        // If the manifest was replaced ten times since the directory was read, the newest file found there is already
        // deleted: then read the directory again.
        for (;;) {
          const newest = Math.max(0, ...(await numbers()));
          if (newest === 0) return undefined;
          const bytes = await readFile(join(directory, MANIFESTS, nameOf(newest))).catch(nothingIfMissing);
          if (bytes !== undefined) return { bytes, version: String(newest) };
        }
      }),
    replaceHead: (bytes, version) =>
      guard("replace the manifest", async () => {
        // Create nothing if the directory is missing: an unmounted disk must not become a new archive.
        if (version !== undefined) await stat(join(directory, MANIFESTS));
        const next = Number(version ?? 0) + 1;
        if (!(await create(`${MANIFESTS}/${nameOf(next)}`, bytes))) return false;
        const found = await numbers();
        if (Math.max(...found) > next) return false;
        await tidy(directory, found, next);
        return true;
      }),
  };
}

const nameOf = (number: number): string => `${String(number).padStart(12, "0")}.json`;
const numberOf = (name: string): number => (/^[0-9]{12}\.json$/.test(name) ? Number.parseInt(name, 10) : 0);

async function tidy(directory: string, manifests: readonly number[], newest: number): Promise<void> {
  for (const number of manifests) {
    if (number <= newest - MANIFESTS_KEPT)
      await rm(join(directory, MANIFESTS, nameOf(number)), { force: true });
  }
  for (const name of await readdir(join(directory, UNFINISHED))) {
    const path = join(directory, UNFINISHED, name);
    const written = (await stat(path).catch(nothingIfMissing))?.mtimeMs ?? 0;
    if (Date.now() - written > UNFINISHED_MS) await rm(path, { force: true });
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx", 0o640);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the names in a directory durable, and those of the directory itself and its parents up to `top`. */
async function syncDirectories(path: string, top: string): Promise<void> {
  await syncDirectory(path);
  if (relative(top, path) !== "") await syncDirectories(dirname(path), top);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function nothingIfMissing(error: unknown): undefined {
  if (codeOf(error) === "ENOENT") return undefined;
  throw error;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
