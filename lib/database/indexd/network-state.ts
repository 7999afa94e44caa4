/** Finds, in indexd's tables, problems of indexd and its hosts that endanger the repairs of all slabs. */
import type { ISql } from "postgres";
import { readNetworkSnapshot } from "./network-snapshot.ts";

export interface NetworkState {
  readonly hosts: number;
  /** Hosts that can take sectors: good for upload, with an address and a contract that has room. */
  readonly receivers: number;
  /** Time since indexd last scanned any host successfully; undefined: it never did. */
  readonly lastScanMs: number | undefined;
  /** Age of the oldest sector that is not yet appended to a contract; undefined: there is none. */
  readonly oldestUnpinnedMs: number | undefined;
  /** How many sectors the newest slab has, and so how many hosts a slab occupies; 0: there is no slab. */
  readonly sectorsOfNewestSlab: number;
}

export interface NetworkFinding {
  readonly code: "no-host-takes-sectors" | "few-hosts-take-sectors" | "indexd-not-running" | "pins-behind";
  readonly says: string;
  readonly remedy: string;
}

/** If the newest scan is older than this, indexd does not seem to run: it scans each host several times an hour. */
export const OLD_SCAN_MS = 3 * 3_600_000;

/**
 * An unpinned sector that is older than this is a problem: indexd pins sectors every two minutes, and a sector that is
 * unpinned for three days counts as lost.
 */
export const OLD_PIN_MS = 6 * 3_600_000;

/** Reads all hosts and contracts, about 2 KB per host. Call it once at start-up, not for each slab. */
export async function readNetworkState(sql: ISql): Promise<NetworkState> {
  // No minimum distance: distances matter only between the hosts of one slab.
  const { hosts } = await readNetworkSnapshot(sql, { minHostDistanceKm: 0 });
  // Reads the oldest unpinned sector by sectors_uploaded_at_unpinned_idx, and the newest slab by primary keys.
  const [row] = await sql<{ ms: number | null; unpinned_ms: number | null; sectors: number }[]>`
    select
      (
        select (extract(epoch from clock_timestamp() - max(h.last_successful_scan)) * 1000)::double precision
        from public.hosts h
      ) as ms,
      (
        select (extract(epoch from clock_timestamp() - s.uploaded_at) * 1000)::double precision from public.sectors s
        where s.host_id is not null and s.contract_sectors_map_id is null
        order by s.uploaded_at limit 1
      ) as unpinned_ms,
      (
        select count(*)::integer from public.slab_sectors x
        where x.slab_id = (select s.id from public.slabs s order by s.id desc limit 1)
      ) as sectors`;
  const receivers = [...hosts.values()].filter(
    (host) => host.goodForUpload && host.hasAppendContract && host.addresses.length > 0,
  );
  return {
    hosts: hosts.size,
    receivers: receivers.length,
    lastScanMs: row!.ms ?? undefined,
    oldestUnpinnedMs: row!.unpinned_ms ?? undefined,
    sectorsOfNewestSlab: row!.sectors,
  };
}

/**
 * Pure. A worker continues despite these problems: they may pass, and a worker that ends itself would not be started
 * again.
 */
export function findNetworkProblems(state: NetworkState): NetworkFinding[] {
  const { hosts, receivers, lastScanMs, oldestUnpinnedMs = 0, sectorsOfNewestSlab: sectors } = state;
  const findings: NetworkFinding[] = [];
  if (receivers === 0) {
    findings.push({
      code: "no-host-takes-sectors",
      says: `none of indexd's ${hosts} hosts can take a sector: nothing can be repaired`,
      remedy:
        "Check indexd: hosts must be scanned, good for upload and not blocked, and need a contract with allowance, collateral and room.",
    });
  }
  // A host may have only one sector of a slab, so a bad sector can move only to a host that has no sector of the slab.
  if (receivers > 0 && receivers <= sectors) {
    findings.push({
      code: "few-hosts-take-sectors",
      says: `only ${receivers} of indexd's ${hosts} hosts can take a sector, and a slab already occupies ${sectors}: some bad sectors have no host to move to`,
      remedy:
        "slabmend hosts --problems shows why the other hosts cannot take a sector. indexd must form contracts with more hosts.",
    });
  }
  if (oldestUnpinnedMs > OLD_PIN_MS) {
    findings.push({
      code: "pins-behind",
      says: `a sector has been waiting for ${(oldestUnpinnedMs / 3_600_000).toFixed(1)} hours to be pinned by indexd; after 72 hours it counts as lost`,
      remedy:
        "Check indexd's log: contracts need allowance, collateral and room, and their hosts must answer.",
    });
  }
  if (lastScanMs === undefined ? hosts > 0 : lastScanMs > OLD_SCAN_MS) {
    const lastScan =
      lastScanMs === undefined
        ? "it has never scanned a host successfully"
        : `its last successful scan of a host was ${(lastScanMs / 3_600_000).toFixed(1)} hours ago`;
    findings.push({
      code: "indexd-not-running",
      says: `indexd does not seem to run: ${lastScan}`,
      remedy:
        "Start indexd: without it prices and hosts are out of date, accounts run out of funds, and repaired sectors are never pinned to a contract.",
    });
  }
  return findings;
}
