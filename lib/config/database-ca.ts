/**
 * Reads SLABMEND_DATABASE_CA: authorities that sign the database server's certificate and that Node.js does not trust
 * by default, such as those of RDS. The client library has no `sslrootcert`, and NODE_EXTRA_CA_CERTS cannot be set
 * early enough for a function.
 */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ConfigurationProblem } from "./configuration-error.ts";
import type { TlsMode } from "./database-url.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;
const MOST_BYTES = 1_048_576;

/** Whether the value contains the certificates themselves, not the path of a file. */
export function isPem(text: string): boolean {
  return text.includes("-----BEGIN");
}

/**
 * @param text PEM, in which `\n` may stand for a line break, or the path of a file
 * @returns undefined if it is neither
 */
export function readAuthorities(text: string): string | undefined {
  try {
    const pem = isPem(text) ? text.replaceAll("\\n", "\n") : readFileSync(text, "utf8");
    const certificates = pem.length <= MOST_BYTES ? (pem.match(CERTIFICATE) ?? []) : [];
    for (const certificate of certificates) new X509Certificate(certificate);
    return certificates.length === 0 ? undefined : `${certificates.join("\n")}\n`;
  } catch {
    return undefined;
  }
}

/**
 * The problem that certificate authorities are set, but the connection checks no certificate: the operator would
 * believe it to be safer than it is.
 */
export function findUnusedAuthorities(tls: TlsMode): ConfigurationProblem | undefined {
  if (tls === "verified") return undefined;
  return {
    name: "SLABMEND_DATABASE_CA",
    expected: "sslmode=verify-full in the database URL",
    got: "a URL that checks no certificate",
  };
}
