/**
 * Authorities that sign the database server's certificate, where they are not among those that Node.js trusts, as with
 * RDS. The client library knows no `sslrootcert`, and a function cannot be given NODE_EXTRA_CA_CERTS early enough.
 */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ConfigurationProblem } from "./configuration-error.ts";
import type { TlsMode } from "./database-url.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;
const MOST_BYTES = 1_048_576;

/** Whether a value is certificates themselves rather than the path of a file of them. */
export function isPem(text: string): boolean {
  return text.includes("-----BEGIN");
}

/** @param text PEM, in which `\n` may stand for a line's end, or the path of a file; undefined: neither */
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

/** An authority that is not asked would give a false feeling of safety. */
export function findUnusedAuthorities(tls: TlsMode): ConfigurationProblem | undefined {
  if (tls === "verified") return undefined;
  return {
    name: "SLABMEND_DATABASE_CA",
    expected: "sslmode=verify-full in the database's URL",
    got: "a URL with which no certificate is checked",
  };
}
