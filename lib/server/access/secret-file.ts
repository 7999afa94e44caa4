/** Files that hold a secret: only their owner may read them. */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, rename, unlink } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { OperatorError } from "../../errors/operator-error.ts";
import { Secret } from "../../secret/secret.ts";

const OTHERS = 0o077;
const MOST_BYTES = 4_096;

/** The folder in which `serve` keeps this user's secrets: systemd's StateDirectory, or the XDG state folder. */
export function stateFolder(variables: Readonly<Record<string, string | undefined>>): string {
  const { STATE_DIRECTORY: ofUnit, XDG_STATE_HOME: xdg } = variables;
  return ofUnit || join(xdg || join(homedir(), ".local", "state"), "slabmend");
}

/**
 * Undefined if there is no such file.
 * @throws {OperatorError} `secret-file-unsafe` if others may read it, or it is not a small regular file
 */
export async function readSecretFile(path: string): Promise<Secret<string> | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw unsafe(path, codeOf(error), error);
  });
  if (file === undefined) return undefined;
  try {
    const facts = await file.stat();
    if (!facts.isFile() || facts.size > MOST_BYTES) throw unsafe(path, "something else");
    if ((facts.mode & OTHERS) !== 0) {
      throw unsafe(path, `a file of mode ${(facts.mode & 0o777).toString(8).padStart(4, "0")}`);
    }
    return new Secret((await file.readFile("utf8")).trim());
  } finally {
    await file.close();
  }
}

/** Replaces the file as a whole, with mode 0600; creates its folder. */
export async function writeSecretFile(path: string, content: string): Promise<void> {
  const next = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(next, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      await file.writeFile(`${content}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, path);
  } catch (error) {
    await unlink(next).catch(() => {});
    throw unsafe(path, codeOf(error), error);
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "an unknown failure";

function unsafe(path: string, got: string, cause?: unknown): OperatorError {
  return new OperatorError({
    code: "secret-file-unsafe",
    message: `${path}: expected a file of this user that only its owner may read (mode 0600), got ${got}`,
    remedy: "Correct the path, owner or mode; if others could read the file, delete it and create a new one.",
    cause,
  });
}
