import { readFileSync } from "node:fs";
import { readPredicateStatements } from "../indexd/predicates-sql.ts";

const FILES = [
  "../indexd/version/hold-indexd.sql",
  "../indexd/version/given-up-slabs.sql",
  "../indexd/version/close-recovery-window.sql",
  "../denials/denial-shares.sql",
  "../denials/suspected-hosts.sql",
  "../denials/many-hosts-deny.sql",
  "../denials/record-denials.sql",
  "../denials/clear-denials.sql",
  "../denials/believed-denials.sql",
  "../denials/restore-location.sql",
  "../indexd/pinned-sectors.sql",
  "../indexd/unpinned-sectors.sql",
  "../indexd/bad-sectors.sql",
  "../indexd/sector-slabs.sql",
  "../leases/lease-standing.sql",
  "../backlog/slab-health.sql",
  "../backlog/walk-page.sql",
  "../backlog/record-backlog.sql",
  "../leases/lease-batch.sql",
  "../leases/begin-repair.sql",
  "../leases/extend-lease.sql",
  "../leases/fate-of-token.sql",
  "../leases/lock-for-commit.sql",
  "../leases/record-lost.sql",
  "../leases/judge-moves.sql",
  "../leases/record-moves.sql",
  "../leases/count-moves.sql",
  "../leases/sectors-left.sql",
  "../leases/schedule-slab.sql",
  "../leases/write-history.sql",
  "../leases/write-journal.sql",
  "../leases/commit-repair.sql",
  "../leases/reap-leases.sql",
  "../runs/hold-run.sql",
  "../restore/fleet-roles.sql",
  "../restore/hold-prunes.sql",
  "../restore/keep-prunes-held.sql",
  "../restore/begin-restore.sql",
  "../restore/release-prunes.sql",
  "../restore/record-renewal.sql",
  "../restore/unpin-contract.sql",
  "../restore/restart-unpinned.sql",
  "../restore/place-sectors.sql",
  "../verify/claim-checks.sql",
  "../verify/write-checks.sql",
  "../verify/record-checks.sql",
  "../verify/claim-due-checks.sql",
  "../verify/record-due-checks.sql",
  "../indexd/bump-events.sql",
  "../journal/sequence-journal.sql",
  "../journal/join-journal.sql",
  "../journal/follow-totals.sql",
  "../journal/work-since.sql",
  "../journal/forget-journal.sql",
] as const;

/**
 * The statements that create the functions in schema `slabmend`, in the order of their dependencies. Each is `create or
 * replace` and depends on none of indexd's objects (docs/decisions/0015-sql.md).
 */
export function readStoreFunctions(): readonly string[] {
  return [
    ...readPredicateStatements(),
    ...FILES.map((name) => readFileSync(new URL(name, import.meta.url), "utf8")),
  ];
}
