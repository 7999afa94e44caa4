/** What of indexd's network would let every repair fail, as far as its tables show it. */
import type { ISql } from "postgres";
import { readNetworkSnapshot } from "./network-snapshot.ts";

export interface NetworkState {
  readonly hosts: number;
  /** Hosts that may be given sectors: good for upload, with a contract that has room, and an address. */
  readonly receivers: number;
  /** Since indexd last scanned any host with success; undefined: it never did. */
  readonly lastScanMs: number | undefined;
  /** Since the oldest sector that is not yet appended to a contract was stored; undefined: there is none. */
  readonly oldestUnpinnedMs: number | undefined;
  /** Sectors of the newest slab, each on a host of its own; 0: there is no slab. */
  readonly sectorsOfNewestSlab: number;
}

export interface NetworkFinding {
  readonly code: "no-host-takes-sectors" | "few-hosts-take-sectors" | "indexd-not-running" | "pins-behind";
  readonly says: string;
  readonly remedy: string;
}

/** indexd scans each host several times an hour, so any of a network is newer than this while it runs. */
export const OLD_SCAN_MS = 3 * 3_600_000;

/** indexd appends what is unpinned every two minutes; after three days it counts as lost. */
export const OLD_PIN_MS = 6 * 3_600_000;

/** Reads the whole network, about 2 KB a host: once at a start, not for each slab. */
export async function readNetworkState(sql: ISql): Promise<NetworkState> {
  // Distances matter between hosts of one slab only.
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

/** Pure. Neither stops a worker: it may be over in a while, and a worker that ended itself would not be started again. */
export function findNetworkProblems(state: NetworkState): NetworkFinding[] {
  const { hosts, receivers, lastScanMs, oldestUnpinnedMs = 0, sectorsOfNewestSlab: sectors } = state;
  const findings: NetworkFinding[] = [];
  if (receivers === 0) {
    findings.push({
      code: "no-host-takes-sectors",
      says: `of indexd's ${hosts} hosts none can take a sector: nothing can be repaired`,
      remedy:
        "Look at indexd: hosts have to be scanned, good for upload, not blocked, and to have a contract with allowance, collateral and room.",
    });
  }
  // A slab's own hosts take none of its sectors.
  if (receivers > 0 && receivers <= sectors) {
    findings.push({
      code: "few-hosts-take-sectors",
      says: `${receivers} of indexd's ${hosts} hosts can take a sector, and a slab has ${sectors}: some have no host left to go to`,
      remedy:
        "slabmend hosts --problems says why the others can not; indexd has to form contracts with more hosts.",
    });
  }
  if (oldestUnpinnedMs > OLD_PIN_MS) {
    findings.push({
      code: "pins-behind",
      says: `a sector waits for ${(oldestUnpinnedMs / 3_600_000).toFixed(1)} hours to be pinned; after 72 it counts as lost`,
      remedy:
        "Look at indexd's log: contracts need allowance, collateral and room, and their hosts have to answer.",
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
