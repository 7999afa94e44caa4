import { createHash, timingSafeEqual } from "node:crypto";
import type { Secret } from "../../secret/secret.ts";
import { isPassword } from "./password.ts";

/** `busy`: too many earlier attempts still wait to be hashed. `limited`: too many attempts in a minute. */
export type PasswordVerdict = "right" | "wrong" | "limited" | "busy";

/**
 * Maximum number of unfinished attempts. Their passwords are hashed one at a time, because each hash takes 32 MiB and a
 * core.
 */
const MOST_WAITING = 8;

/**
 * Compares passwords with a stored scrypt hash. Once a password was right, its SHA-256 digest is kept in memory: later
 * requests with this password cost no scrypt hash and do not count as attempts. Every other request counts.
 */
export class PasswordGuard {
  readonly #hash: Secret<string>;
  #right: Buffer | undefined;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(hash: Secret<string>) {
    this.#hash = hash;
  }

  /** @param mayTry counts an attempt and returns whether it is within the limits */
  async check(password: string, mayTry: () => Promise<boolean>): Promise<PasswordVerdict> {
    const digest = createHash("sha256").update(password).digest();
    if (this.#right !== undefined && timingSafeEqual(digest, this.#right)) return "right";
    if (!(await mayTry())) return "limited";
    if (this.#waiting >= MOST_WAITING) return "busy";
    this.#waiting += 1;
    const checking = this.#last.then(() => isPassword(this.#hash.reveal(), password));
    this.#last = checking.catch(() => {});
    try {
      if (!(await checking)) return "wrong";
      this.#right = digest;
      return "right";
    } finally {
      this.#waiting -= 1;
    }
  }
}

/** The password in a header `Authorization: Basic`; the user name is ignored. Undefined if there is no password. */
export function basicPassword(authorization: string | undefined): string | undefined {
  const [, encoded] = /^Basic ([A-Za-z0-9+/]{1,2000}={0,2})$/i.exec(authorization ?? "") ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : text.slice(colon + 1);
}

export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer ([A-Za-z0-9_-]{1,200})$/i.exec(authorization ?? "")?.[1];
}
