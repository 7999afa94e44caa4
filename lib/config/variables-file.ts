import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { OperatorError } from "../errors/operator-error.ts";

/**
 * `sst deploy` prints "NAME: value", or with several indexers "INDEXER NAME: value"; these lines may be pasted
 * unchanged.
 */
const PRINTED_BY_SST = /^[ \t]*(?:[a-z0-9-]+ )?(SLABMEND_[A-Z_]+):[ \t]+/gm;
const SAVE_AS_UTF8 = "Save it as UTF-8; in PowerShell: Set-Content -Encoding utf8.";

/**
 * Reads a file of NAME=value lines in UTF-8, with or without a byte order mark.
 * @throws {OperatorError} `variables-file-unreadable`, which contains nothing of the file's content
 */
export function readVariablesFile(path: string): Readonly<Record<string, string | undefined>> {
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "none";
    throw unreadable(path, code, "Correct the path, or set the variables in the environment.");
  }
  // In UTF-16, with or without a byte order mark, every other byte of ASCII text is 0.
  if (content.includes(0)) throw unreadable(path, "UTF-16 or a binary file (it has NUL bytes)", SAVE_AS_UTF8);
  try {
    // The decoder drops the byte order mark, which would otherwise become a part of the first variable's name.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(content);
    return parseEnv(text.replace(PRINTED_BY_SST, "$1="));
  } catch {
    throw unreadable(path, "bytes that are not UTF-8", SAVE_AS_UTF8);
  }
}

function unreadable(path: string, got: string, remedy: string): OperatorError {
  return new OperatorError({
    code: "variables-file-unreadable",
    message: `--variables-file ${path}: expected a file of NAME=value lines in UTF-8, got ${got}`,
    remedy,
  });
}
