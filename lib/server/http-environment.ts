/** What the process that serves HTTP gets of the world: variables and folders. Pure. */

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
/** Of the database's client and of AWS, for the queue. */
const PREFIXES = ["PG", "AWS_"];

/**
 * A list of what it may have, not of what it may not: the seed is not on it, nor is whatever else the environment holds. The
 * databases of its indexers come through the channel.
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
 * Options that let it read its own code and nothing else, write no file and start no process: it could read the seed from the
 * environment of the process that supervises, in /proc, otherwise.
 *
 * @param code paths of files, and of folders that end with `*`
 * @param hasQueue of any indexer: then AWS's own files of credentials may be read
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
