/** The estimate, progress and findings of a restore. Contacts no host. */
import type { Ask } from "../../database/client/deadline-client.ts";
import { readNetworkSnapshot } from "../../database/indexd/network-snapshot.ts";
import type { Run } from "../../database/runs/run.ts";
import { readSectorCost } from "../../rhp4/costs.ts";
import { LEAF_BYTES } from "../../slab/sizes.ts";
import type { Estimate, RunKind } from "../maintenance/maintenance-job.ts";
import { mayHaveSectors } from "./rank-hosts.ts";
import {
  RESTORE_STEPS,
  type RestoreScope,
  type RestoreStatistics,
  restoreCheckpointOf,
  restoreScopeOf,
  restoreStatisticsOf,
  sourceOf,
} from "./restore-run.ts";

/**
 * Measured with `npm run bench:restore`, hosts 50 ms away in each direction, two cores with a load average of 12:
 * per second 86 contracts, 102 moved sectors proved and placed (one per slab), and 135 sectors scanned.
 */
const CONTRACTS_PER_SECOND = 80;
const PLACED_PER_SECOND = 100;
const SCANNED_PER_SECOND = 130;

export const restoreKind: RunKind = {
  kind: "restore",
  readsHosts: true,
  estimate: (ask, scope) => estimateOf(ask, restoreScopeOf({ scope })),
  progress(run) {
    const { step } = restoreCheckpointOf(run);
    const done = run.state === "done" ? RESTORE_STEPS.length : RESTORE_STEPS.indexOf(step);
    return { done, total: RESTORE_STEPS.length, unit: "steps" };
  },
  describe,
  hasFindings(run) {
    const { denied, refused, unanswered, contractsUnknown, notFound, onUnknownHosts, probesSpent } =
      restoreStatisticsOf(run);
    return (
      probesSpent ||
      denied + notFound + onUnknownHosts + sum(refused) + sum(unanswered) + sum(contractsUnknown) > 0
    );
  },
};

async function estimateOf(ask: Ask, { archive, scan, contracts }: RestoreScope): Promise<Estimate> {
  const rows = archive === null ? 0 : Math.max(0, archive.end.position - (archive.after?.position ?? 0));
  const scanned = scan === null ? 0 : Math.min(scan.sectors, scan.probes);
  const hastings = scan === null ? null : String(BigInt(scanned) * (await meanCost(ask)));
  const seconds = Math.ceil(
    contracts / CONTRACTS_PER_SECOND + rows / PLACED_PER_SECOND + scanned / SCANNED_PER_SECOND,
  );
  return {
    lines: [
      `${contracts} contracts to ask hosts about`,
      ...(archive === null
        ? []
        : [
            `about ${rows} rows of the archive were written after the backup; proving a moved sector costs as much as reading 4 KiB`,
          ]),
      ...(scan === null
        ? ["hosts are asked only for sectors that the archive names"]
        : [
            `${scanned} of about ${scan.sectors} sectors to request from their hosts: ${hastings} H at the prices of indexd's last scan, if the hosts have them all`,
            `for each missing sector up to ${scan.hosts} other hosts are asked, with at most ${scan.probes} probes in total; a denial is free`,
          ]),
      `about ${seconds} s${scan === null ? " at one moved sector per row" : ", and more for moved sectors"}`,
      "indexd will pin each restored sector once more; if its contract already has the sector, both copies are paid for until the contract ends",
    ],
    values: {
      contracts,
      archiveRows: rows,
      sectors: scanned,
      hosts: scan?.hosts ?? 0,
      probes: scan?.probes ?? 0,
      hastings,
      seconds,
    },
  };
}

/** Mean price of a leaf, over the hosts that may have sectors. */
async function meanCost(ask: Ask): Promise<bigint> {
  const options = { minHostDistanceKm: 0 };
  const { hosts } = await ask((sql) => readNetworkSnapshot(sql, options), { isIdempotent: true });
  const costs = [...hosts.values()]
    .filter(mayHaveSectors)
    .map(({ storedPrices }) => readSectorCost(storedPrices, LEAF_BYTES));
  return costs.length === 0 ? 0n : costs.reduce((total, cost) => total + cost, 0n) / BigInt(costs.length);
}

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, n) => total + n, 0);

const listed = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([code, n]) => `${n} ${code}`)
    .join(", ");

function describe(run: Run): readonly string[] {
  const scope = restoreScopeOf(run);
  const found = restoreStatisticsOf(run);
  const { archive, scan } = scope;
  return [
    `source: ${sourceOf(scope)}`,
    `${found.contractsAsked} contracts checked, ${found.contractsChained} renewals recorded`,
    ...(sum(found.contractsUnknown) > 0
      ? [
          `${found.sectorsUnpinned} sectors unpinned, because the successors of their contracts are unknown: ${listed(found.contractsUnknown)}`,
        ]
      : []),
    `${found.unpinnedRestarted} unpinned sectors have three days again to be pinned`,
    ...(archive === null ? [] : describeArchive(found)),
    ...(scan === null ? [] : describeScan(scan, found)),
    ...(sum(found.unanswered) > 0 ? [`sectors neither proved nor denied: ${listed(found.unanswered)}`] : []),
    ...(sum(found.refused) > 0 ? [`refused: ${listed(found.refused)}`] : []),
    `${found.probes} proofs requested, ${found.hastings} H`,
    ...(run.finishedAt === null ? [] : [`took ${secondsOf(run)} s`]),
    ...(run.state === "done" ? NEXT : []),
  ];
}

function describeArchive(found: RestoreStatistics): readonly string[] {
  return [
    `${found.recordsRead} records read, which name ${found.sectorsNamed} sectors: ${found.placed} placed, ${found.alreadyRight} already right, ${found.lost} lost again, ${found.denied} denied`,
    ...(found.slabsUnknown + found.sectorsUnknown > 0
      ? [
          `${found.slabsUnknown} slabs and ${found.sectorsUnknown} sectors of the archive are not in the database: newer than the backup, or deleted since`,
        ]
      : []),
    ...(found.onUnknownHosts > 0
      ? [
          `${found.onUnknownHosts} sectors are on hosts that the database does not know yet: once indexd has synced, stop it and start the restore again`,
        ]
      : []),
  ];
}

function describeScan(scan: NonNullable<RestoreScope["scan"]>, found: RestoreStatistics): readonly string[] {
  // Each sector needs one probe, at its recorded host; a search for a sector needs up to one more probe for each host.
  const enough = scan.sectors + (found.notFound + found.placed) * scan.hosts;
  return [
    `${found.sectorsScanned} of about ${scan.sectors} sectors requested: ${found.alreadyRight} already right, ${found.placed} found on another host, ${found.notFound} on no host that was asked`,
    ...(found.probesSpent
      ? [
          `not all hosts were asked for all sectors: ${scan.probes} probes did not suffice. A new scan begins at the first slab: give it --probes ${enough} or more`,
        ]
      : []),
  ];
}

const secondsOf = ({ startedAt, finishedAt }: Run): number =>
  Math.round((finishedAt!.getTime() - startedAt.getTime()) / 1_000);

/** What the operator does after the restore; docs/restore.md explains why. */
const NEXT = [
  "Next: start indexd with its migrations off; let it sync and pin. Then verify its hosts (slabmend maintenance start verify), run slabmend resume, and finally slabmend restore release-prunes.",
];
