import { Resolver } from "node:dns/promises";

/** Finds the IP addresses of a name. Rejects if there are none; can be aborted. */
export type ResolveName = (name: string, signal: AbortSignal) => Promise<readonly string[]>;

const QUERY_TIMEOUT_MS = 2_500;
const TRIES = 2;

/**
 * Asks `servers`, or by default the machine's own DNS servers, for IPv4 and IPv6 addresses at the same time. Does not
 * use getaddrinfo, which cannot be cancelled, blocks one of Node's four pool threads for each slow name, and reads the
 * machine's hosts file, which must not apply to names chosen by strangers.
 */
export function createDnsLookup(servers?: readonly string[]): ResolveName {
  return (name, signal) => lookUp(name, signal, servers);
}

async function lookUp(
  name: string,
  signal: AbortSignal,
  servers: readonly string[] | undefined,
): Promise<readonly string[]> {
  signal.throwIfAborted();
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: TRIES });
  if (servers) resolver.setServers(servers);
  const cancel = () => resolver.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    signal.throwIfAborted();
    const found = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    const failed = answers.find((answer) => answer.status === "rejected");
    if (found.length === 0) throw failed?.reason ?? new Error(`${name}: no address`);
    return found;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}
