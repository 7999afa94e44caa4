/** Hashes a password with scrypt, and checks a password against such a hash. Only the hash is stored. */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { OperatorError } from "../../errors/operator-error.ts";

/** 32 MiB and about 0.2 s of one core per attempt: one of the settings in OWASP's Password Storage Cheat Sheet. */
const COST = { logN: 15, r: 8, p: 3 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const LEAST_CHARACTERS = 12;
const MOST_CHARACTERS = 200;
const STORED = /^scrypt:(\d{2}):(\d{1,2}):(\d{1,2}):([A-Za-z0-9_-]{22}):([A-Za-z0-9_-]{43})$/;
/** Maximum log2(N) and r of a stored hash: checking a hash with these takes 1 GiB of memory. */
const MOST = { logN: 20, r: 8 };

/** @throws {OperatorError} `password-unfit` */
export async function hashPassword(password: string): Promise<string> {
  const { length } = [...password];
  if (length < LEAST_CHARACTERS || length > MOST_CHARACTERS) {
    throw new OperatorError({
      code: "password-unfit",
      message: `password: expected ${LEAST_CHARACTERS} to ${MOST_CHARACTERS} characters, got ${length}`,
      remedy: "Choose a password that is used nowhere else; a password manager can generate it.",
    });
  }
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, COST);
  const { logN, r, p } = COST;
  return ["scrypt", logN, r, p, salt.toString("base64url"), hash.toString("base64url")].join(":");
}

/** Whether the text has the form of a hash from {@link hashPassword}. */
export function isPasswordHash(stored: string): boolean {
  const [, logN = "", r = ""] = STORED.exec(stored) ?? [];
  return logN !== "" && Number(logN) <= MOST.logN && Number(r) <= MOST.r;
}

/** @param stored a hash that {@link isPasswordHash} accepts */
export async function isPassword(stored: string, password: string): Promise<boolean> {
  const [, logN = "", r = "", p = "", salt = "", hash = ""] = STORED.exec(stored)!;
  if (password.length > MOST_CHARACTERS * 2) return false;
  const cost = { logN: Number(logN), r: Number(r), p: Number(p) };
  const derived = await derive(password, Buffer.from(salt, "base64url"), cost);
  return timingSafeEqual(derived, Buffer.from(hash, "base64url"));
}

function derive(
  password: string,
  salt: Buffer,
  { logN, r, p }: { readonly logN: number; readonly r: number; readonly p: number },
): Promise<Buffer> {
  const N = 2 ** logN;
  // Twice what scrypt needs: Node.js counts slightly more than the algorithm's 128 * N * r bytes.
  const options: ScryptOptions = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFC"), salt, HASH_BYTES, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}
