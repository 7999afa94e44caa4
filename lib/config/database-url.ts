/**
 * Which database URLs may be used: one rule for the functions, the command line and the deployment. The password and
 * all slab keys cross this connection, so to a public host it must be encrypted. Loopback and private networks may do
 * without TLS.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { isPublicAddress } from "../network/public-address.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { isPercentEncoded } from "./percent-encoding.ts";
import { findParameterFault } from "./url-parameters.ts";

export type TlsMode =
  | "none"
  /** The client falls back to no TLS if the server, or a machine in between, says that the server has no TLS. */
  | "optional"
  /** Encrypted, but the server's certificate is not checked. */
  | "encrypted"
  /** Encrypted, and the certificate must be valid for the host. */
  | "verified";

export interface DatabaseUrl {
  /** Secret. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsMode;
  readonly hasPassword: boolean;
}

/** What is wrong with a URL. Neither property contains the URL, which may hold a password. */
export interface UrlFault {
  readonly expected: string;
  readonly got: string;
}

export type ResolveAddresses = (name: string) => Promise<readonly string[]>;

const TLS_MODES: ReadonlyMap<string, TlsMode> = new Map([
  ["disable", "none"],
  ["false", "none"],
  ["allow", "optional"],
  ["prefer", "optional"],
  ["require", "encrypted"],
  ["verify-ca", "verified"],
  ["verify-full", "verified"],
]);

export function readDatabaseUrl(text: string): DatabaseUrl | { readonly fault: UrlFault } {
  const fault = (expected: string, got: string) => ({ fault: { expected, got } });
  if (!URL.canParse(text)) return fault("a URL", `${text.length} characters of something else`);
  const url = new URL(text);
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") {
    return fault("a URL that begins with postgres://", `one that begins with ${url.protocol}//`);
  }
  if (!isPercentEncoded(url)) {
    return fault(
      "user, password and host to be percent-encoded, % itself as %25",
      "a % that begins no character",
    );
  }
  // The driver decodes the name, and takes a name with a comma for a list of hosts.
  const host = decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1");
  if (host === "" || host.includes(",")) return fault("one host", host === "" ? "none" : "several");
  if (url.pathname.length < 2) return fault("the name of a database after the host", "none");
  const parameterFault = findParameterFault(url.searchParams);
  if (parameterFault !== undefined) return { fault: parameterFault };
  // If the parameter is repeated, the driver uses the last one.
  const mode = url.searchParams.getAll("sslmode").at(-1) ?? url.searchParams.getAll("ssl").at(-1);
  const tls = mode === undefined ? "none" : TLS_MODES.get(mode);
  if (tls === undefined) return fault(`sslmode to be one of ${[...TLS_MODES.keys()].join(", ")}`, "another");
  return { url: text, host, port: Number(url.port || 5432), tls, hasPassword: url.password !== "" };
}

/** Time limit for resolving the host's name: a function has little time. */
const LONGEST_LOOKUP_MS = 3_000;

/**
 * Why secrets must not be sent over this connection; undefined if they may be sent. A name counts as public if any of
 * its addresses is public.
 * @throws the resolver's error, if the name does not resolve: it might resolve to a public address when the connection
 * is made
 */
export async function findExposure(
  database: DatabaseUrl,
  resolve: ResolveAddresses = resolveAddresses,
): Promise<UrlFault | undefined> {
  if (database.tls === "encrypted" || database.tls === "verified") return undefined;
  const addresses = isIP(database.host) === 0 ? await resolve(database.host) : [database.host];
  if (!addresses.some(isPublicAddress)) return undefined;
  return {
    expected: `TLS to the public host ${database.host} (?sslmode=verify-full)`,
    got: database.tls === "none" ? "none" : "an sslmode that may fall back to no TLS",
  };
}

/** The lookup cannot be cancelled; after the timeout its answer is ignored. */
async function resolveAddresses(name: string): Promise<readonly string[]> {
  const tooLong = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new Error(`the database's name did not resolve within ${LONGEST_LOOKUP_MS} ms`);
    tooLong.reject(Object.assign(error, { code: "ETIMEDOUT" }));
  }, LONGEST_LOOKUP_MS);
  try {
    const found = await Promise.race([lookup(name, { all: true }), tooLong.promise]);
    return found.map(({ address }) => address);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What is wrong with a URL: its form, or an unencrypted connection to a public host.
 * @param resolve default: the system's resolver
 */
export async function findUrlFault(text: string, resolve?: ResolveAddresses): Promise<UrlFault | undefined> {
  const database = readDatabaseUrl(text);
  return "fault" in database ? database.fault : findExposure(database, resolve);
}

/**
 * Called before a function connects.
 * @throws {ConfigurationError}, which does not contain the URL; or the resolver's error
 */
export async function assertUrlIsSafe(text: string, resolve?: ResolveAddresses): Promise<void> {
  const fault = await findUrlFault(text, resolve);
  if (fault !== undefined) throw new ConfigurationError([{ name: "SLABMEND_DATABASE_URL", ...fault }]);
}
