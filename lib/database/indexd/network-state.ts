/** Problems of indexd's network, as far as its tables show them, that would make every repair fail. */
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
  /** Number of sectors of the newest slab, each on a different host; 0: there is no slab. */
  readonly sectorsOfNewestSlab: number;
}

export interface NetworkFinding {
  readonly code: "no-host-takes-sectors" | "few-hosts-take-sectors" | "indexd-not-running" | "pins-behind";
  readonly says: string;
  readonly remedy: string;
}

/** indexd scans each host several times an hour, so the newest scan is more recent than this while indexd runs. */
export const OLD_SCAN_MS = 3 * 3_600_000;

/** indexd appends unpinned sectors every two minutes; after three days they count as lost. */
export const OLD_PIN_MS = 6 * 3_600_000;

/** Reads the whole network, about 2 KB per host: once at start-up, not for each slab. */
export async function readNetworkState(sql: ISql): Promise<NetworkState> {
  // Distances matter only within a slab, so they are not judged here.
  const { hosts } = await readNetworkSnapshot(sql, { minHostDistanceKm: 0 });
  // The oldest unpinned sector by sectors_uploaded_at_unpinned_idx, the newest slab by primary keys.
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

/** Pure. No such problem stops a worker: the problem may pass, and a worker that ends itself would not be started again. */
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
  // A slab's own hosts take no further sector of it.
  if (receivers > 0 && receivers <= sectors) {
    findings.push({
      code: "few-hosts-take-sectors",
      says: `${receivers} of indexd's ${hosts} hosts can take a sector, and a slab has ${sectors}: for some sectors there is no host left`,
      remedy:
        "slabmend hosts --problems shows why the others cannot; indexd must form contracts with more hosts.",
    });
  }
  if (oldestUnpinnedMs > OLD_PIN_MS) {
    findings.push({
      code: "pins-behind",
      says: `a sector has been waiting to be pinned for ${(oldestUnpinnedMs / 3_600_000).toFixed(1)} hours; after 72 it counts as lost`,
      remedy:
        "Check indexd's log: contracts need allowance, collateral and room, and their hosts must answer.",
    });
  }
  if (lastScanMs === undefined ? hosts > 0 : lastScanMs > OLD_SCAN_MS) {
    const since =
      lastScanMs === undefined ? "never" : `last ${(lastScanMs / 3_600_000).toFixed(1)} hours ago`;
    findings.push({
      code: "indexd-not-running",
      says: `indexd's last successful scan of a host: ${since}; it does not seem to run`,
      remedy:
        "Start indexd: without it prices and hosts are out of date, accounts run out of funds, and repaired sectors are never pinned to a contract.",
    });
  }
  return findings;
}
