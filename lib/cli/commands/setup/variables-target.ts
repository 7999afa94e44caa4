/** The file that `setup` writes: each time as a whole, with mode 0600. */
import { readFile, realpath } from "node:fs/promises";
import { readVariablesFile } from "../../../config/variables-file.ts";
import { writeSecretFile } from "../../../server/access/secret-file.ts";
import { editVariables } from "./edit-variables.ts";

export interface VariablesTarget {
  readonly path: string;
  /** What it sets already. Secret. */
  readonly known: Readonly<Record<string, string | undefined>>;
  readonly exists: boolean;
  /**
   * Sets these and keeps all else.
   * @throws {OperatorError} with the file as it was
   */
  save(changes: Readonly<Record<string, string>>): Promise<void>;
}

/** @throws {OperatorError} `variables-file-unreadable` */
export async function openTarget(given: string): Promise<VariablesTarget> {
  // A link stays one.
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
