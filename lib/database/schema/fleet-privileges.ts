/**
 * A worker's privileges in the database, table by table and column by column. `slabmend grant` prints them as SQL,
 * `slabmend doctor` checks them, and a test runs claim, repair and reap with them.
 */
import { INDEXD_PRIVILEGES, type TablePrivileges } from "../indexd/version/indexd-privileges.ts";

export const FLEET_PRIVILEGES: readonly TablePrivileges[] = [
  ...INDEXD_PRIVILEGES,
  // slabmend's own. Of a row of the journal only its position in the stream is ever updated.
  { table: "slabmend.leases", select: "all", insert: "all", update: "all", delete: true },
  { table: "slabmend.repairs", select: "all", insert: "all", update: "all", delete: true },
  { table: "slabmend.uploads", select: "all", insert: "all", update: "all", delete: true },
  {
    table: "slabmend.journal",
    select: "all",
    insert: "all",
    update: ["incarnation", "position"],
    delete: true,
  },
  { table: "slabmend.journal_head", select: "all", update: "all" },
  { table: "slabmend.followers", select: "all", insert: "all", update: "all", delete: true },
  { table: "slabmend.totals", select: "all", insert: "all", update: "all", delete: true },
  { table: "slabmend.denials", select: "all", insert: "all", update: "all", delete: true },
  { table: "slabmend.moved", select: "all", insert: "all", update: ["moved_at"], delete: true },
  { table: "slabmend.dead_letters", select: "all", insert: "all", update: "all", delete: true },
  { table: "slabmend.checkpoints", select: "all", insert: "all", update: "all" },
  { table: "slabmend.fleet", select: "all", update: "all" },
  { table: "slabmend.lifecycle", select: "all", update: "all" },
  { table: "slabmend.indexd", select: "all", update: "all" },
  { table: "slabmend.backlog", select: "all", insert: "all", update: "all", delete: true },
  { table: "slabmend.marks", select: "all", insert: "all", update: "all", delete: true },
  { table: "slabmend.walks", select: "all", insert: "all", update: "all", delete: true },
  { table: "slabmend.host_scores", select: "all", insert: "all", update: "all", delete: true },
  { table: "slabmend.budget", select: "all", update: "all" },
  { table: "slabmend.workers", select: "all", insert: "all", update: "all", delete: true },
  { table: "slabmend.runs", select: "all", insert: "all", update: "all", delete: true },
  { table: "slabmend.checks", select: "all", insert: "all", update: "all", delete: true },
  { table: "slabmend.silent_hosts", select: "all", insert: "all", update: "all", delete: true },
  { table: "slabmend.prune_hold", select: "all", update: "all" },
  { table: "slabmend.restored_moves", select: "all" },
  { table: "slabmend.database_migrations", select: "all" },
];

/** Sequences from which the fleet's inserts take default values; identity columns need no privilege. */
export const FLEET_SEQUENCES: readonly string[] = ["public.stats_deltas_id_seq"];
