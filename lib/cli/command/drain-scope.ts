import type { Ask } from "../../database/client/deadline-client.ts";
import { countHostSectors } from "../../database/verify/read-scope.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import type { DrainScope } from "../../jobs/drain/drain-run.ts";
import { findNamedHost } from "./named-host.ts";

/** More hosts in one drain are probably a mistake: if all hosts were drained, no host would be left to copy to. */
const MOST_HOSTS = 20;

/** @throws {OperatorError} `bad-argument`, `no-such-host` */
export async function resolveDrainScope(ask: Ask, keys: readonly string[]): Promise<DrainScope> {
  const named = [...new Set(keys.map((key) => key.toLowerCase()))];
  if (named.length === 0 || named.length > MOST_HOSTS) {
    throw new OperatorError({
      code: "bad-argument",
      message: `drain: expected 1 to ${MOST_HOSTS} hosts, got ${named.length}`,
      remedy: "Name the hosts to drain: slabmend hosts --json has their keys.",
    });
  }
  const hosts = [];
  let sectors = 0;
  for (const key of named) {
    const { hostKey, hostId } = await findNamedHost(ask, key);
    hosts.push(hostKey);
    sectors += await ask((sql) => countHostSectors(sql, hostId), { isIdempotent: true });
  }
  return { hosts, sectors };
}
