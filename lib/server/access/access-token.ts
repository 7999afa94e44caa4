import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { Secret } from "../../secret/secret.ts";
import { readSecretFile, writeSecretFile } from "./secret-file.ts";

/** 256 bits: too many to guess, so attempts need no limit. */
const TOKEN_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/**
 * The token that allows writes. It is created at the first start and kept in a file, so that an open console survives
 * restarts.
 * @throws {OperatorError} `secret-file-unsafe`
 */
export async function readOrMakeToken(path: string): Promise<Secret<string>> {
  const kept = await readSecretFile(path);
  if (kept !== undefined && TOKEN.test(kept.reveal())) return kept;
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  await writeSecretFile(path, token);
  return new Secret(token);
}

/** Compares in constant time. */
export function isSameSecret(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
