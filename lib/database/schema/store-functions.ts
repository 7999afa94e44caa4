import { readFileSync } from "node:fs";
import { readPredicateStatements } from "../indexd/predicates-sql.ts";

const FILES = [
  "../indexd/bad-sectors.sql",
  "../indexd/sector-slabs.sql",
  "../leases/claim-times.sql",
  "../indexd/sector-causes.sql",
  "../backlog/slab-health.sql",
  "../backlog/walk-page.sql",
  "../backlog/record-backlog.sql",
  "../leases/lease-by-urgency.sql",
  "../leases/begin-repair.sql",
  "../leases/extend-lease.sql",
  "../leases/commit-repair.sql",
  "../leases/reap-leases.sql",
  "../indexd/bump-events.sql",
] as const;

/** Parameters and results that changed before there was a release: `create or replace` leaves the old function, or is refused. */
const SUPERSEDED = [
  "drop function if exists slabmend.extend_lease(uuid, bigint)",
  "drop function if exists slabmend.extend_lease(uuid, bigint, jsonb)",
  "drop function if exists slabmend.lease_by_urgency(jsonb)",
] as const;

/**
 * The functions in schema `slabmend` that read or write indexd's tables, in the order in which they need each other.
 * Each is `create or replace` and depends on no object of indexd's (docs/decisions/0140). Once released it keeps its
 * parameters, because workers of two versions run side by side during a deployment: what comes later goes into its JSON,
 * may be missing there, and then means what it meant before.
 */
export function readStoreFunctions(): readonly string[] {
  return [
    ...SUPERSEDED,
    ...readPredicateStatements(),
    ...FILES.map((name) => readFileSync(new URL(name, import.meta.url), "utf8")),
  ];
}
