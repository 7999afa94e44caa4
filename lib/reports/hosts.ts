import type { Ask } from "../database/client/deadline-client.ts";
import { readHostScores } from "../database/fleet/host-scores.ts";
import { judgeNetwork, type NetworkHost } from "../database/indexd/network-snapshot.ts";
import type { HostRow } from "../database/indexd/raw-rows.ts";
import { readRawNetwork } from "../database/indexd/read-raw-network.ts";
import { readDenyingHosts } from "../database/reports/read-denials.ts";
import { readLostSectors } from "../database/reports/read-lost-sectors.ts";
import { readTime } from "../database/reports/read-time.ts";
import type { SharedHostScore } from "../hosts/shared-score.ts";
import { isGoodHost } from "../placement/sectors-to-move.ts";
import type { HostId } from "../slab/ids.ts";
import { SECTOR_BYTES } from "../slab/sizes.ts";
import { SCHEMA_VERSION } from "./fields.ts";
import type { HostReport, HostsReport } from "./hosts-schema.ts";

/** Reads all hosts in one snapshot, about 2 KB per host. */
export async function readHostsReport(
  ask: Ask,
  { maxUnpinnedPerHost }: { readonly maxUnpinnedPerHost: number },
): Promise<HostsReport> {
  const facts = await ask(
    (sql) =>
      sql.begin("isolation level repeatable read read only", async (tx) => ({
        at: await readTime(tx),
        raw: await readRawNetwork(tx),
        scores: await readHostScores(tx),
        lost: await readLostSectors(tx),
        denying: await readDenyingHosts(tx),
      })),
    { isIdempotent: true },
  );
  const { at, raw, lost } = facts;
  // No minimum distance: it matters only between hosts of the same slab.
  const network = judgeNetwork(raw, { minHostDistanceKm: 0, takenAtMs: at.getTime() });
  const scores = new Map(facts.scores.map((score) => [score.hostKey, score]));
  const contractBytes = new Map<HostId, number>();
  for (const { hostId, sizeBytes } of raw.contracts) {
    contractBytes.set(hostId, (contractBytes.get(hostId) ?? 0) + Number(sizeBytes));
  }
  const hosts = raw.hosts.map((row) =>
    describeHost({
      row,
      judged: network.hosts.get(row.id)!,
      score: scores.get(row.hostKey),
      contractBytes: contractBytes.get(row.id) ?? 0,
      lostSectors: lost.get(row.id) ?? 0,
      denials: facts.denying.get(row.id) ?? { open: 0, suspected: false },
      nowMs: at.getTime(),
      maxUnpinnedPerHost,
    }),
  );
  return {
    schemaVersion: SCHEMA_VERSION,
    at: at.toISOString(),
    total: hosts.length,
    good: hosts.filter(({ isGood }) => isGood).length,
    candidates: hosts.filter(({ isCandidate }) => isCandidate).length,
    hosts: hosts.toSorted(bestFirst),
  };
}

interface HostFacts {
  readonly row: HostRow;
  readonly judged: NetworkHost;
  readonly score: SharedHostScore | undefined;
  readonly contractBytes: number;
  readonly lostSectors: number;
  readonly denials: { readonly open: number; readonly suspected: boolean };
  readonly nowMs: number;
  readonly maxUnpinnedPerHost: number;
}

/** Pure. */
function describeHost(facts: HostFacts): HostReport {
  const { row, judged, score, nowMs } = facts;
  const why = whyNoCandidate(facts);
  const scannedAtMs = row.lastSuccessfulScanUs === null ? null : Number(row.lastSuccessfulScanUs) / 1_000;
  return {
    id: row.id,
    hostKey: row.hostKey,
    addresses: [...row.addresses],
    latitude: row.latitude,
    longitude: row.longitude,
    isCandidate: why.length === 0,
    why,
    isGood: isGoodHost(judged),
    usable: judged.usable,
    blocked: judged.blocked,
    stuck: row.stuck,
    hasActiveContract: judged.hasActiveContract,
    hasAppendContract: judged.hasAppendContract,
    recentUptime: row.recentUptime,
    // A time in the future was recorded before the clock was set back; it counts as equally far in the past.
    lastScanAgeSeconds: scannedAtMs === null ? null : Math.abs(nowMs - scannedAtMs) / 1_000,
    remainingStorageBytes: Number(row.remainingStorageSectors) * SECTOR_BYTES,
    contractBytes: facts.contractBytes,
    unpinnedSectors: row.unpinnedSectors,
    lostSectors: facts.lostSectors,
    score:
      score === undefined
        ? null
        : {
            readBytesPerSecond: score.readRate ?? null,
            writeBytesPerSecond: score.writeRate ?? null,
            failureRate: score.failureRate,
            outOfFunds: score.outOfFunds,
            full: score.full,
          },
    denials: { ...facts.denials },
  };
}

/**
 * Checks the conditions for candidates (lib/placement/choose-candidates.ts) that do not depend on the slab, and names
 * those that the host fails.
 */
function whyNoCandidate({ row, judged, score, maxUnpinnedPerHost }: HostFacts): string[] {
  return [
    ...(judged.blocked ? ["blocked"] : []),
    ...(judged.drain === null ? [] : ["draining"]),
    ...judged.usabilityFailures,
    ...(row.stuck ? ["stuck"] : []),
    ...(row.remainingStorageSectors > 0n ? [] : ["no-storage"]),
    ...(judged.hasActiveContract ? [] : ["no-active-contract"]),
    ...(judged.hasActiveContract && !judged.hasAppendContract ? ["no-append-contract"] : []),
    ...(judged.addresses.length > 0 ? [] : ["no-address"]),
    ...(judged.unpinnedSectors > maxUnpinnedPerHost ? ["too-many-unpinned"] : []),
    ...(score?.full === true ? ["full"] : []),
  ];
}

/** Candidates, then good hosts, then the others; within each group by fewest failures, then by speed. */
function bestFirst(a: HostReport, b: HostReport): number {
  return (
    Number(b.isCandidate) - Number(a.isCandidate) ||
    Number(b.isGood) - Number(a.isGood) ||
    (a.score?.failureRate ?? 0) - (b.score?.failureRate ?? 0) ||
    (b.score?.readBytesPerSecond ?? 0) - (a.score?.readBytesPerSecond ?? 0) ||
    a.id - b.id
  );
}
