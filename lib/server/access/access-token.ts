import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { Secret } from "../../secret/secret.ts";
import { readSecretFile, writeSecretFile } from "./secret-file.ts";

/** 256 bits: guessing needs no limit. */
const TOKEN_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/**
 * The token that allows writes: kept from start to start in a file, so that an open console goes on; made at the first one.
 * @throws {OperatorError} `secret-file-unsafe`
 */
export async function readOrMakeToken(path: string): Promise<Secret<string>> {
  const kept = await readSecretFile(path);
  if (kept !== undefined && TOKEN.test(kept.reveal())) return kept;
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  await writeSecretFile(path, token);
  return new Secret(token);
}

/** Takes as long for any two texts. */
export function isSameSecret(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
