/** What of indexd's network would let every repair fail, as far as its tables show it. */
import type { ISql } from "postgres";
import { readNetworkSnapshot } from "./network-snapshot.ts";

export interface NetworkState {
  readonly hosts: number;
  /** Hosts that may be given sectors: good for upload, with a contract that has room, and an address. */
  readonly receivers: number;
  /** Since indexd last scanned any host with success; undefined: it never did. */
  readonly lastScanMs: number | undefined;
}

export interface NetworkFinding {
  readonly code: "no-host-takes-sectors" | "indexd-not-running";
  readonly says: string;
  readonly remedy: string;
}

/** indexd scans each host several times an hour, so any of a network is newer than this while it runs. */
export const OLD_SCAN_MS = 3 * 3_600_000;

/** Reads the whole network, about 2 KB a host: once at a start, not for each slab. */
export async function readNetworkState(sql: ISql): Promise<NetworkState> {
  // Distances matter between hosts of one slab only.
  const { hosts } = await readNetworkSnapshot(sql, { minHostDistanceKm: 0 });
  const [row] = await sql<{ ms: number | null }[]>`
    select (extract(epoch from clock_timestamp() - max(last_successful_scan)) * 1000)::double precision as ms
    from public.hosts`;
  const receivers = [...hosts.values()].filter(
    (host) => host.goodForUpload && host.hasAppendContract && host.addresses.length > 0,
  );
  return { hosts: hosts.size, receivers: receivers.length, lastScanMs: row!.ms ?? undefined };
}

/** Pure. Neither stops a worker: it may be over in a while, and a worker that ended itself would not be started again. */
export function findNetworkProblems({ hosts, receivers, lastScanMs }: NetworkState): NetworkFinding[] {
  const findings: NetworkFinding[] = [];
  if (receivers === 0) {
    findings.push({
      code: "no-host-takes-sectors",
      says: `of indexd's ${hosts} hosts none can take a sector: nothing can be repaired`,
      remedy:
        "Look at indexd: hosts have to be scanned, good for upload, not blocked, and to have a contract with allowance, collateral and room.",
    });
  }
  if (lastScanMs === undefined ? hosts > 0 : lastScanMs > OLD_SCAN_MS) {
    const since =
      lastScanMs === undefined ? "never" : `last ${(lastScanMs / 3_600_000).toFixed(1)} hours ago`;
    findings.push({
      code: "indexd-not-running",
      says: `indexd scanned a host with success ${since}: it seems not to run`,
      remedy:
        "Start indexd: without it prices and hosts are out of date, accounts run dry, and what is repaired is never pinned to a contract.",
    });
  }
  return findings;
}
