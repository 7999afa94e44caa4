/** The environment variables and folders that the HTTP process gets. Pure. */

const NAMES: ReadonlySet<string> = new Set([
  "SLABMEND_INDEXER",
  "SLABMEND_LOG_LEVEL",
  "SLABMEND_LOG_FORMAT",
  "NO_COLOR",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "PATH",
  "HOME",
  "LANG",
  "TZ",
]);
/** Prefixes of the database client's variables, and of AWS's variables, which the queue needs. */
const PREFIXES = ["PG", "AWS_"];

/**
 * Keeps only variables on an allowlist, which does not contain the seed. The HTTP process gets the database URLs of its
 * indexers as messages from its parent.
 */
export function httpEnvironment(
  variables: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(variables).filter(
      ([name]) => NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix)),
    ),
  );
}

/**
 * Options of Node.js with which the HTTP process can read only its own code, write no files and start no processes.
 * Without these options it could read the seed from the supervising process's environment in /proc.
 *
 * @param code paths of files, and of folders with `*` at the end
 * @param hasQueue whether any indexer has a queue; if so, the process may also read AWS's credential files
 */
export function httpPermissions(
  variables: Readonly<Record<string, string | undefined>>,
  code: readonly string[],
  hasQueue: boolean,
): string[] {
  const { HOME: home } = variables;
  const paths = [...code, ...(hasQueue && home ? [`${home}/.aws`] : [])];
  return ["--permission", ...paths.map((path) => `--allow-fs-read=${path}`)];
}
