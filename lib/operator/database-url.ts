/**
 * Which database URLs may be used. The password and every slab key cross this connection: to a public host it must be
 * encrypted. Loopback and private networks may go without.
 */
import { isIP } from "node:net";
import { isPercentEncoded } from "../config/percent-encoding.ts";
import { isPublicAddress } from "../hosts/public-address.ts";
import { OperatorError } from "./operator-error.ts";

export type TlsMode =
  | "none"
  /** The client gives in when the server, or somebody in between, says that it has no TLS. */
  | "optional"
  /** Encrypted, but with whoever answers. */
  | "encrypted"
  /** Encrypted, with the one whom the certificate names. */
  | "verified";

export interface DatabaseUrl {
  /** Secret. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsMode;
  readonly hasPassword: boolean;
}

export type ResolveAddresses = (name: string) => Promise<readonly string[]>;

const TLS_MODES: Readonly<Record<string, TlsMode>> = {
  disable: "none",
  false: "none",
  allow: "optional",
  prefer: "optional",
  require: "encrypted",
  "verify-ca": "verified",
  "verify-full": "verified",
};

/** @throws {OperatorError} `database-url-malformed`; the text is never repeated, it may hold a password */
export function parseDatabaseUrl(text: string): DatabaseUrl {
  if (!URL.canParse(text)) throw malformed("a URL", `${text.length} characters of something else`);
  const url = new URL(text);
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") {
    throw malformed("one that begins with postgres://", `one that begins with ${url.protocol}//`);
  }
  if (url.hostname === "" || url.hostname.includes(",")) {
    throw malformed("one host", url.hostname === "" ? "none" : "several");
  }
  if (!isPercentEncoded(url)) {
    throw malformed(
      "user, password and host to be percent-encoded, % itself as %25",
      "a % that begins no character",
    );
  }
  if (url.pathname.length < 2) throw malformed("the name of a database after the host", "none");
  const mode = url.searchParams.get("sslmode") ?? url.searchParams.get("ssl");
  const tls = mode === null ? "none" : TLS_MODES[mode];
  if (tls === undefined) throw malformed(`sslmode to be ${Object.keys(TLS_MODES).join(", ")}`, "another");
  return {
    url: text,
    host: decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || 5432),
    tls,
    hasPassword: url.password !== "",
  };
}

/**
 * Refuses to send secrets in the clear over the internet. A name counts as public when any of its addresses is; one that
 * does not resolve is left to the connection, which will fail and say so.
 * @throws {OperatorError} `database-url-without-tls`
 */
export async function assertProtected(database: DatabaseUrl, resolve: ResolveAddresses): Promise<void> {
  if (database.tls === "encrypted" || database.tls === "verified") return;
  const addresses =
    isIP(database.host) === 0 ? await resolve(database.host).catch(() => []) : [database.host];
  if (!addresses.some(isPublicAddress)) return;
  throw new OperatorError({
    code: "database-url-without-tls",
    message: `database URL: expected TLS to the public host ${database.host}, got ${database.tls === "none" ? "none" : "an sslmode that falls back to none"}`,
    remedy:
      "Append ?sslmode=verify-full to the URL (or require, which does not check the certificate). Only loopback and private addresses may go without.",
    details: { host: database.host },
  });
}

function malformed(expected: string, got: string): OperatorError {
  return new OperatorError({
    code: "database-url-malformed",
    message: `database URL: expected ${expected}, got ${got}`,
    remedy:
      "Write postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full, with special characters percent-encoded.",
  });
}
