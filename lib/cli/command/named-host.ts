import type { Ask } from "../../database/client/deadline-client.ts";
import { findHost } from "../../database/verify/read-scope.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import { type HostId, type HostKey, parseHostKey } from "../../slab/ids.ts";

/** A host by the public key that an operator gave. @throws {OperatorError} `no-such-host` */
export async function findNamedHost(
  ask: Ask,
  key: string,
): Promise<{ readonly hostKey: HostKey; readonly hostId: HostId }> {
  const hostKey = parseHostKey(key.toLowerCase());
  const hostId = await ask((sql) => findHost(sql, hostKey), { isIdempotent: true });
  if (hostId !== undefined) return { hostKey, hostId };
  throw new OperatorError({
    code: "no-such-host",
    message: `host ${hostKey}: expected it in indexd's table hosts, got none`,
    remedy: "Take its key from slabmend hosts --json.",
  });
}
