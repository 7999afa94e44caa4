/** The estimate, progress and findings of a drain. Moves nothing. */
import type { Ask } from "../../database/client/deadline-client.ts";
import { readHostScores } from "../../database/fleet/host-scores.ts";
import { type NetworkHost, readNetworkSnapshot } from "../../database/indexd/network-snapshot.ts";
import type { Run } from "../../database/runs/run.ts";
import { countHostSectors, findHost } from "../../database/verify/read-scope.ts";
import { readSectorCost, writeSectorCost } from "../../rhp4/costs.ts";
import { SECTOR_BYTES } from "../../slab/sizes.ts";
import type { Estimate, RunKind } from "../maintenance/maintenance-job.ts";
import { type DrainScope, drainScopeOf, drainStatisticsOf } from "./drain-run.ts";

export const drainKind: RunKind = {
  kind: "drain",
  readsHosts: false,
  estimate: (ask, scope) => estimateOf(ask, drainScopeOf({ scope })),
  progress(run) {
    const { sectors } = drainScopeOf(run);
    const left = drainStatisticsOf(run).left ?? sectors;
    return { done: Math.max(0, sectors - left), total: sectors, unit: "sectors" };
  },
  describe,
  hasFindings: () => false,
};

const OTHERS_MAY_CHOOSE_IT =
  "Until indexd blocks a host, users and indexd's own migrations may still store sectors on it.";

const STOPPED: Readonly<Record<string, string>> = {
  "fleet-paused": "the fleet is paused (slabmend resume)",
  "fleet-maintenance": "the fleet is in maintenance",
  "no-claims": "claim does not run",
  "circuit-breaker-open": "the circuit breaker is open",
};

const OUTCOMES: Readonly<Record<string, string>> = {
  "no-candidates": "no host can take one of their sectors now (slabmend hosts --problems)",
  underfunded: "our account at a host is empty; indexd refills it every 2 min",
  "too-few-sources": "too few hosts serve their sectors",
};

function describe(run: Run): readonly string[] {
  const { hosts, sectors } = drainScopeOf(run);
  const found = drainStatisticsOf(run);
  const { left, newer, copied, rebuilt, lost } = found;
  const isUnfinished = run.finishedAt === null;
  const elsewhere = left === null ? 0 : Math.max(0, sectors - left - copied - rebuilt - found.found - lost);
  const states = found.hosts.filter(({ state }) => state !== "good");
  const drained = hosts.length === 1 ? "host" : "hosts";
  return [
    `${drained} ${hosts.join(", ")}`,
    left === null
      ? `${sectors} sectors were there at the start`
      : `${left} of ${sectors} sectors that were there at the start are left`,
    `${copied} copied, ${rebuilt} rebuilt from other sectors, ${found.found} found where an earlier repair had stored them`,
    ...(lost > 0 ? [`${lost} were denied by the ${drained} and recorded as lost`] : []),
    ...(elsewhere > 0 ? [`${elsewhere} left in other ways: moved by indexd, lost, or deleted`] : []),
    ...(newer > 0 ? [`${newer} were recorded there since the start`] : []),
    ...states.map(({ host, state }) =>
      state === "gone"
        ? `indexd has deleted host ${host}`
        : `host ${host} is ${state === "no-active-contract" ? "without an active contract" : state}: the remaining sectors are repaired as on any bad host`,
    ),
    ...(isUnfinished ? waitingFor(found) : []),
    ...(run.state === "done"
      ? [
          `No sector that was there at the start is recorded on the ${drained} any more. Block the ${drained} in indexd now, or new sectors will be stored there.`,
        ]
      : []),
    ...(found.indexdRepairs
      ? [
          `indexd's own migrations or a remote worker are on and may store sectors on the ${drained} again. Turn them off (slabs.migrations: false), or block the ${drained} soon.`,
        ]
      : []),
    ...(isUnfinished ? [OTHERS_MAY_CHOOSE_IT] : []),
  ];
}

function waitingFor({ stopped, outcomes, left }: ReturnType<typeof drainStatisticsOf>): readonly string[] {
  if (left === 0) return [];
  return [
    ...stopped.map(
      (code) => `waits: ${STOPPED[code] ?? code.replace(/^budget-/, "today's budget is spent: ")}`,
    ),
    ...Object.entries(outcomes).map(
      ([outcome, slabs]) =>
        `${slabs} ${slabs === 1 ? "slab waits" : "slabs wait"}: ${OUTCOMES[outcome] ?? outcome}`,
    ),
  ];
}

async function estimateOf(ask: Ask, scope: DrainScope): Promise<Estimate> {
  const network = await ask((sql) => readNetworkSnapshot(sql, { minHostDistanceKm: 0 }), {
    isIdempotent: true,
  });
  const scores = await ask((sql) => readHostScores(sql), { isIdempotent: true });
  const targets = [...network.hosts.values()].filter(
    (host) => host.goodForUpload && host.hasAppendContract && !scope.hosts.includes(host.hostKey),
  );
  const write = medianWriteCost(targets);
  let hastings = 0n;
  let seconds: number | null = 0;
  let sectors = 0;
  for (const key of scope.hosts) {
    const id = await ask((sql) => findHost(sql, key), { isIdempotent: true });
    const host = id === undefined ? undefined : network.hosts.get(id);
    if (host === undefined) continue;
    const count = await ask((sql) => countHostSectors(sql, host.id), { isIdempotent: true });
    sectors += count;
    hastings += BigInt(count) * (readSectorCost(host.storedPrices, SECTOR_BYTES) + write);
    const rate = scores.find(({ hostKey }) => hostKey === key)?.readRate;
    if (count === 0) continue;
    // Hosts are read in parallel, so the duration is that of the slowest host.
    seconds =
      seconds === null || rate === undefined
        ? null
        : Math.max(seconds, Math.ceil((count * SECTOR_BYTES) / rate));
  }
  const bytes = sectors * SECTOR_BYTES;
  return {
    lines: [
      `${sectors} sectors to copy: ${bytes} bytes to read, as many to write`,
      `${hastings} H at the prices of indexd's last scan`,
      seconds === null
        ? "the duration is unknown: no worker has read from the host recently"
        : `about ${seconds} s if each host's sectors are read one at a time, at the speed that workers recently measured; less with parallel repairs`,
      `${targets.length} hosts may take sectors`,
      OTHERS_MAY_CHOOSE_IT,
    ],
    values: {
      sectors,
      bytesRead: bytes,
      bytesWritten: bytes,
      hastings: String(hastings),
      seconds,
      targets: targets.length,
    },
  };
}

function medianWriteCost(targets: readonly NetworkHost[]): bigint {
  const costs = targets
    .map(({ storedPrices }) => writeSectorCost(storedPrices, SECTOR_BYTES))
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return costs[Math.floor(costs.length / 2)] ?? 0n;
}
