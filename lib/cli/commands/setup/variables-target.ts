/** The file that `setup` writes, always as a whole, with mode 0600. */
import { readFile, realpath } from "node:fs/promises";
import { readVariablesFile } from "../../../config/variables-file.ts";
import { writeSecretFile } from "../../../server/access/secret-file.ts";
import { editVariables } from "./edit-variables.ts";

export interface VariablesTarget {
  readonly path: string;
  /** The file's current variables. Secret. */
  readonly known: Readonly<Record<string, string | undefined>>;
  readonly exists: boolean;
  /**
   * Sets these variables and keeps everything else.
   * @throws {OperatorError}; the file is then unchanged
   */
  save(changes: Readonly<Record<string, string>>): Promise<void>;
}

/** @throws {OperatorError} `variables-file-unreadable` */
export async function openTarget(given: string): Promise<VariablesTarget> {
  // A symbolic link is kept: its target is written.
  const path = await realpath(given).catch(() => given);
  const read = () =>
    readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
  const exists = (await read().catch(() => "")) !== undefined;
  return {
    path,
    exists,
    known: exists ? readVariablesFile(path) : {},
    async save(changes) {
      const edited = editVariables(((await read()) ?? "").replace(/^\ufeff/, ""), changes, path);
      await writeSecretFile(path, edited.trimEnd());
    },
  };
}
