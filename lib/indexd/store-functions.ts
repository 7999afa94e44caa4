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

/**
 * The functions in schema `slabmend` that read or write indexd's tables, in the order in which they need each other.
 * Each is `create or replace`, keeps its signature for ever (JSON in, JSON out: workers of two versions run side by
 * side during a deployment), and depends on no object of indexd's (docs/decisions/0140).
 */
export function readStoreFunctions(): readonly string[] {
  return [
    ...readPredicateStatements(),
    ...FILES.map((name) => readFileSync(new URL(name, import.meta.url), "utf8")),
  ];
}
