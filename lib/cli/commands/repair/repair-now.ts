import { randomUUID } from "node:crypto";
import type { Ask } from "../../../database/client/deadline-client.ts";
import { type LeaseSlabResult, leaseSlab, releaseUnbegunLease } from "../../../database/leases/lease-slab.ts";
import { type JournalEntry, readJournalEntry } from "../../../database/reports/read-journal.ts";
import { OperatorError } from "../../../errors/operator-error.ts";
import type { RepairResult } from "../../../jobs/repair/repair-dependencies.ts";
import type { Slab } from "../../../slab/slab.ts";
import type { RepairEnvironment } from "../../../worker/open-repair-environment.ts";

export interface RepairNowOptions {
  readonly holdMs: number;
  readonly graceMs: number;
  readonly force: boolean;
  readonly timeoutMs: number;
}

export interface RepairNowReport {
  readonly slabId: string;
  readonly outcome: RepairResult["kind"];
  /** The reason, if the repair was stale; otherwise undefined. */
  readonly why: string | undefined;
  readonly journal: JournalEntry | undefined;
}

/**
 * Leases this slab and repairs it in this process. If the repair cannot begin, the lease is given back.
 * @throws {OperatorError} `slab-not-leasable`
 */
export async function repairNow(
  ask: Ask,
  environment: RepairEnvironment,
  slab: Pick<Slab, "id" | "digest">,
  options: RepairNowOptions,
): Promise<RepairNowReport> {
  const leased = await ask((sql) => leaseSlab(sql, { slabId: slab.id, ...options }));
  if (leased.kind === "refused") throw refused(slab, leased);
  const task = { slabId: slab.id, digest: slab.digest, token: leased.token };
  let result: RepairResult;
  try {
    result = await environment.repair(task, {
      id: `cli/${randomUUID()}`,
      remainingMs: options.timeoutMs,
    });
  } catch (error) {
    // `repair` throws only if the repair has not begun, so the lease may be given back.
    await ask((sql) => releaseUnbegunLease(sql, task)).catch(() => {});
    throw error;
  }
  return {
    slabId: String(slab.id),
    outcome: result.kind,
    why: result.kind === "stale" ? result.why : undefined,
    journal: await ask((sql) => readJournalEntry(sql, leased.token), { isIdempotent: true }),
  };
}

const REFUSALS: Readonly<
  Record<Extract<LeaseSlabResult, { kind: "refused" }>["why"], readonly [says: string, remedy: string]>
> = {
  "no-such-slab": ["it is gone", "Nothing is left to do: indexd has deleted it."],
  locked: ["another transaction is using its row", "Try again."],
  leased: ["it is leased", "A worker repairs it now or within minutes; slabmend plan shows the lease."],
  quarantined: [
    "it is in quarantine",
    "Its repairs crashed three times. Release it with slabmend quarantine release, or repair it with --force.",
  ],
  "given-up": [
    "indexd has marked it as unrecoverable, and too few of its sectors are left, or one of them was pinned wrongly",
    "The owner of the slab should upload the data again. --force still repairs what can be repaired.",
  ],
  "being-deleted": ["indexd is about to delete it", "Nothing is left to do."],
  "fleet-not-running": [
    "the fleet is paused or in maintenance",
    "Read slabmend status. slabmend resume ends a pause; --force repairs in spite of it.",
  ],
  "left-to-indexd": [
    "indexd's own loop or a remote worker may be repairing it",
    "Wait until then. If indexd runs with slabs.migrations: false and there is no remote worker, set SLABMEND_INDEXD_GRACE_SECONDS=0 or give --force.",
  ],
};

function refused(
  slab: Pick<Slab, "id">,
  { why, until }: Extract<LeaseSlabResult, { kind: "refused" }>,
): OperatorError {
  const [says, remedy] = REFUSALS[why];
  return new OperatorError({
    code: "slab-not-leasable",
    message: `slab ${slab.id}: expected it to be free, but ${says}${until === undefined ? "" : `, until ${until.toISOString()}`}`,
    remedy,
    details: { slab: String(slab.id), why },
  });
}
