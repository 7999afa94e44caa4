/** The estimate, progress and findings of a verification. Contacts no host. */
import type { ISql } from "postgres";
import type { Ask } from "../../database/client/deadline-client.ts";
import { readNetworkSnapshot } from "../../database/indexd/network-snapshot.ts";
import type { Run } from "../../database/runs/run.ts";
import { countObjectSectors, countSlabSectors, findHost } from "../../database/verify/read-scope.ts";
import { readSectorCost } from "../../rhp4/costs.ts";
import { type HostId, parseSlabId } from "../../slab/ids.ts";
import { LEAF_BYTES } from "../../slab/sizes.ts";
import type { Estimate, RunKind } from "../maintenance/maintenance-job.ts";
import { confidenceOf } from "./sample-size.ts";
import { scopeOf, statisticsOf, type VerifyScope } from "./verify-run.ts";

/**
 * Measured with `npm run bench:maintenance`, a host 50 ms away in each direction, two busy cores: 242 to 256 sectors
 * per second.
 */
const SECTORS_PER_SECOND = 200;

const WHAT_A_LEAF_PROVES =
  "Each host proves 64 random bytes of a sector: this shows that it has these bytes now, not that it has the whole sector.";

export const verifyKind: RunKind = {
  kind: "verify",
  readsHosts: true,
  estimate: (ask, scope) => estimateOf(ask, scopeOf({ scope })),
  progress(run) {
    const scope = scopeOf(run);
    const isSample = scope.of === "host" && scope.sample !== null;
    const { passed } = statisticsOf(run);
    const total = isSample ? scope.sample!.draws : scope.sectors;
    return { done: passed, total: Math.max(total, passed), unit: isSample ? "draws" : "sectors" };
  },
  describe,
  hasFindings(run) {
    const { denied, wrongData, notThere, unanswered } = statisticsOf(run);
    return denied + wrongData + notThere + sum(unanswered) > 0;
  },
};

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, n) => total + n, 0);

function describe(run: Run): readonly string[] {
  const scope = scopeOf(run);
  const found = statisticsOf(run);
  const unanswered = Object.entries(found.unanswered);
  return [
    nameOf(scope),
    `hosts proved a leaf of ${found.confirmed} sectors and denied ${found.denied} sectors`,
    ...(found.wrongData > 0
      ? [`${found.wrongData} sectors were answered with data that contradicts the proof`]
      : []),
    ...(found.notThere > 0 ? [`${found.notThere} sectors were on no host or have moved meanwhile`] : []),
    ...(found.superseded > 0
      ? [`${found.superseded} sectors were checked or moved by indexd meanwhile`]
      : []),
    ...(unanswered.length > 0
      ? [
          `${sum(found.unanswered)} sectors not checked: ${unanswered.map(([code, n]) => `${n} ${code}`).join(", ")}`,
        ]
      : []),
    ...sampleSays(scope, found.confirmed, run),
    WHAT_A_LEAF_PROVES,
  ];
}

function nameOf(scope: VerifyScope): string {
  switch (scope.of) {
    case "host":
      return `host ${scope.host}`;
    case "slab":
      return `slab ${scope.slab}`;
    case "object":
      return `object ${scope.object}`;
  }
}

/**
 * What a sample says about the host. The claim that at most a given share of the sectors is missing is made only if
 * every draw has a recorded answer and no sector was missing. An answer that was dropped, because indexd checked or
 * moved the sector meanwhile, may have been a denial.
 */
function sampleSays(scope: VerifyScope, confirmed: number, run: Run): readonly string[] {
  if (scope.of !== "host" || scope.sample === null || run.state !== "done") return [];
  const { missingShare, confidence, draws } = scope.sample;
  const { denied, wrongData, unanswered, superseded, notThere, passed } = statisticsOf(run);
  const unproven = sum(unanswered) + superseded + notThere;
  const percent = (value: number) => `${Number((100 * value).toPrecision(4))} %`;
  if (denied + wrongData > 0) {
    return [
      `${denied + wrongData} of ${passed} draws hit a missing sector: the claim that at most ${percent(missingShare)} of the sectors are missing does not hold`,
    ];
  }
  if (unproven > 0 || confirmed === 0 || passed < draws) {
    return [
      `the sample is incomplete (${passed} of ${draws} draws, ${unproven} without a recorded answer), so nothing is claimed`,
    ];
  }
  return [
    `none of ${draws} draws hit a missing sector: at most ${percent(missingShare)} of the host's ${scope.sectors} sectors are missing, with ${percent(Math.min(confidence, confidenceOf(draws, missingShare)))} confidence`,
  ];
}

async function estimateOf(ask: Ask, scope: VerifyScope): Promise<Estimate> {
  const network = await ask((sql) => readNetworkSnapshot(sql, { minHostDistanceKm: 0 }), {
    isIdempotent: true,
  });
  const costOn = (id: HostId | undefined): bigint => {
    const host = id === undefined ? undefined : network.hosts.get(id);
    return host === undefined ? 0n : readSectorCost(host.storedPrices, LEAF_BYTES);
  };
  let reads = 0;
  let hastings = 0n;
  if (scope.of !== "host") {
    const count = (sql: ISql) =>
      scope.of === "slab"
        ? countSlabSectors(sql, parseSlabId(scope.slab))
        : countObjectSectors(sql, scope.ids);
    const places = await ask(count, { isIdempotent: true });
    for (const { hostId, sectors } of places) {
      if (hostId === null) continue;
      reads += sectors;
      hastings += BigInt(sectors) * costOn(hostId);
    }
  } else {
    reads = scope.sample?.draws ?? scope.sectors;
    hastings = BigInt(reads) * costOn(await ask((sql) => findHost(sql, scope.host), { isIdempotent: true }));
  }
  const seconds = Math.ceil(reads / SECTORS_PER_SECOND);
  return {
    lines: [
      `${reads} sectors to check, of ${scope.sectors}`,
      `${hastings} H at the prices of indexd's last scan`,
      `about ${seconds} s at ${SECTORS_PER_SECOND} sectors per second`,
      WHAT_A_LEAF_PROVES,
    ],
    values: { reads, sectors: scope.sectors, hastings: String(hastings), seconds },
  };
}
