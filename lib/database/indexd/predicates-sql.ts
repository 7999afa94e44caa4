import { readFileSync } from "node:fs";

const FILES = [
  "contract-states.sql",
  "host-states.sql",
  "open-denials.sql",
  "draining-hosts.sql",
  "bad-sector-cause.sql",
  "sectors-to-move.sql",
] as const;

/**
 * The SQL of our predicates over indexd's tables, in the order of their dependencies; our database migrations run it:
 * `slabmend.contract_states()`, `slabmend.host_states()`, `slabmend.open_denials()`, `slabmend.draining_hosts()`,
 * `slabmend.bad_sector_cause(…)`, `slabmend.sectors_to_move(slab_ids bigint[])`. Each statement is `create or replace`;
 * schema `slabmend` must exist. No statement creates an object that depends on an object of indexd: that would block
 * indexd's own database migrations (docs/decisions/0015-sql.md).
 */
export function readPredicateStatements(): readonly string[] {
  return FILES.map((name) => readFileSync(new URL(name, import.meta.url), "utf8"));
}
