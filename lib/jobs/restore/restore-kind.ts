/** The estimate, progress and findings of a restore. Contacts no host. */
import type { Run } from "../../database/runs/run.ts";
import type { RunKind } from "../maintenance/maintenance-job.ts";
import { RESTORE_STEPS, restoreCheckpointOf, restoreScopeOf, restoreStatisticsOf } from "./restore-run.ts";

/** One round trip to a host per call, as in a verification: `npm run bench:maintenance`. */
const CALLS_PER_SECOND = 200;

export const restoreKind: RunKind = {
  kind: "restore",
  readsHosts: true,
  async estimate(_ask, scope) {
    const { archive, contracts } = restoreScopeOf({ scope });
    const rows = archive === null ? 0 : rowsBehind(archive);
    const seconds = Math.ceil((contracts + rows) / CALLS_PER_SECOND);
    return {
      lines: [
        `${contracts} contracts to ask hosts about`,
        archive === null ? "no archive is read" : `about ${rows} rows of the archive after the backup`,
        `about ${seconds} s at one moved sector a row; each is proved by a read that is paid as 4 KiB`,
        "indexd pins placed sectors again: a sector that a contract then contains twice is paid for until the contract ends",
      ],
      values: { contracts, archiveRows: rows, seconds },
    };
  },
  progress(run) {
    const { step } = restoreCheckpointOf(run);
    const done = run.state === "done" ? RESTORE_STEPS.length : RESTORE_STEPS.indexOf(step);
    return { done, total: RESTORE_STEPS.length, unit: "steps" };
  },
  describe,
  hasFindings(run) {
    const { denied, refused, unanswered, contractsUnknown } = restoreStatisticsOf(run);
    return denied + sum(refused) + sum(unanswered) + sum(contractsUnknown) > 0;
  },
};

function rowsBehind({ after, end }: NonNullable<ReturnType<typeof restoreScopeOf>["archive"]>): number {
  return Math.max(0, end.position - (after?.position ?? 0));
}

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, n) => total + n, 0);

const listed = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([code, n]) => `${n} ${code}`)
    .join(", ");

function describe(run: Run): readonly string[] {
  const { archive } = restoreScopeOf(run);
  const found = restoreStatisticsOf(run);
  return [
    archive === null ? "source: hosts alone" : `source: archive ${archive.place}`,
    `${found.contractsAsked} contracts checked, ${found.contractsChained} renewals recorded`,
    ...(sum(found.contractsUnknown) > 0
      ? [
          `${found.sectorsUnpinned} sectors unpinned, of contracts whose successor is unknown: ${listed(found.contractsUnknown)}`,
        ]
      : []),
    `${found.unpinnedRestarted} unpinned sectors have three days again`,
    ...(archive === null
      ? []
      : [
          `${found.recordsRead} records read, of ${found.sectorsNamed} sectors: ${found.placed} placed, ${found.alreadyRight} already right, ${found.lost} lost again, ${found.denied} denied`,
          ...(found.slabsUnknown + found.sectorsUnknown > 0
            ? [
                `${found.slabsUnknown} slabs and ${found.sectorsUnknown} sectors of the archive are not in the database: newer than the backup, or deleted since`,
              ]
            : []),
          ...(sum(found.unanswered) > 0 ? [`not provable: ${listed(found.unanswered)}`] : []),
          ...(sum(found.refused) > 0 ? [`refused: ${listed(found.refused)}`] : []),
          `${found.probes} proofs requested, ${found.hastings} H`,
        ]),
    ...(run.state === "done" ? NEXT : []),
  ];
}

/** docs/restore.md explains the reasons. */
const NEXT = [
  "Next: start indexd with its migrations off; let it sync and pin. Then verify its hosts (slabmend maintenance start verify), slabmend resume, and at last slabmend restore release-prunes.",
];
