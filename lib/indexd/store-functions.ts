import { readFileSync } from "node:fs";
import { readPredicateStatements } from "./predicates-sql.ts";

const FILES = [
  "claimable-slabs.sql",
  "bad-sectors.sql",
  "sector-slabs.sql",
  "claim-page.sql",
  "claim-times.sql",
  "sector-causes.sql",
  "slab-health.sql",
  "walk-page.sql",
  "record-backlog.sql",
  "lease-by-urgency.sql",
  "begin-repair.sql",
  "extend-lease.sql",
  "commit-repair.sql",
  "reap-leases.sql",
  "bump-events.sql",
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
