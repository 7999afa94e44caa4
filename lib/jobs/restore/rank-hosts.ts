/** In which order hosts are asked for a sector that is not where the database says. */
import type { Ask } from "../../database/client/deadline-client.ts";
import type { NetworkHost } from "../../database/indexd/network-snapshot.ts";
import { readUnrenewedContracts } from "../../database/restore/restore-reads.ts";
import { countHostSectors } from "../../database/verify/read-scope.ts";
import { HostError } from "../../hosts/host-error.ts";
import type { HostPool } from "../../hosts/host-pool.ts";
import type { HostId } from "../../slab/ids.ts";
import { SECTOR_BYTES } from "../../slab/sizes.ts";

/**
 * How many more sectors a host's contracts have than the database records on this host; null: the host does not answer
 * now.
 */
export type Surplus = ReadonlyMap<HostId, number | null>;

/**
 * Hosts to which indexd may have moved sectors: not blocked, with a contract that can still be revised. If a host's
 * contracts have many more sectors than the database records on this host, the host has received many sectors since the
 * backup, so it is asked early. Of hosts with the same surplus, usable hosts come first. Silent hosts are left out,
 * because each would cost a wait. Pure.
 */
export function rankHosts(hosts: Iterable<NetworkHost>, surplus: Surplus): readonly NetworkHost[] {
  const more = ({ id }: NetworkHost): number => surplus.get(id) ?? 0;
  return [...hosts]
    .filter(mayHaveSectors)
    .filter(({ id }) => surplus.get(id) !== null)
    .toSorted((a, b) => more(b) - more(a) || Number(b.usable) - Number(a.usable) || a.id - b.id);
}

export const mayHaveSectors = ({ hasActiveContract, blocked }: NetworkHost): boolean =>
  hasActiveContract && !blocked;

const AT_ONCE = 64;

/**
 * Asks hosts for the sizes of their contracts, which is free, and counts the sectors that the database records on them.
 */
export async function measureSurplus(
  ask: Ask,
  hosts: Pick<HostPool, "latestRevision">,
  known: ReadonlyMap<HostId, NetworkHost>,
  signal: AbortSignal,
): Promise<Surplus> {
  const surplus = new Map<HostId, number | null>();
  for (let after = "0"; ; ) {
    const page = { after, limit: AT_ONCE };
    const contracts = await ask((sql) => readUnrenewedContracts(sql, page), { isIdempotent: true });
    if (contracts.length === 0) break;
    after = contracts.at(-1)!.id;
    const sizes = await Promise.all(
      contracts.map(async ({ contractId, hostId }) => {
        const host = known.get(hostId);
        return { hostId, sectors: host && (await sectorsOf(hosts, host, contractId, signal)) };
      }),
    );
    for (const { hostId, sectors = null } of sizes) {
      const others = surplus.get(hostId);
      surplus.set(hostId, sectors === null || others === null ? null : (others ?? 0) + sectors);
    }
  }
  signal.throwIfAborted();
  for (const [hostId, sectors] of surplus) {
    if (sectors === null) continue;
    const placed = await ask((sql) => countHostSectors(sql, hostId), { isIdempotent: true });
    surplus.set(hostId, Math.max(0, sectors - placed));
  }
  return surplus;
}

async function sectorsOf(
  hosts: Pick<HostPool, "latestRevision">,
  host: NetworkHost,
  contractId: Parameters<HostPool["latestRevision"]>[1],
  signal: AbortSignal,
): Promise<number | null> {
  try {
    const { contract } = await hosts.latestRevision(host, contractId, signal);
    return Number(contract.filesizeBytes / BigInt(SECTOR_BYTES));
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return error.code === "contract-not-found" ? 0 : null;
  }
}
