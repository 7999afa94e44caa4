/**
 * What the fleet reads and writes in indexd's tables, column by column: all columns that our statements read, and the
 * written columns, which docs/protocol.md#persisting-a-result lists. This list determines the privileges that `slabmend
 * grant` prints, and the tables and columns that are compared after an upgrade of indexd.
 *
 * To lock a row by `for no key update`, a role needs the privilege to update at least one column of the table. The list
 * has such a column for every table in which we lock rows.
 */
export interface TablePrivileges {
  readonly table: string;
  /**
   * "all" stands for all columns: only for our own tables, because their columns change with our database migrations.
   */
  readonly select?: readonly string[] | "all";
  readonly insert?: readonly string[] | "all";
  readonly update?: readonly string[] | "all";
  readonly delete?: true;
}

export interface IndexdPrivileges extends TablePrivileges {
  readonly select?: readonly string[];
  readonly insert?: readonly string[];
  readonly update?: readonly string[];
}

export const INDEXD_PRIVILEGES: readonly IndexdPrivileges[] = [
  {
    table: "public.global_settings",
    select: [
      "id",
      "db_version",
      "scanned_height",
      "contracts_renew_window",
      "contracts_period",
      "hosts_min_protocol_version",
      "hosts_min_collateral",
      "hosts_max_storage_price",
      "hosts_max_ingress_price",
      "hosts_max_egress_price",
    ],
  },
  {
    table: "public.hosts",
    select: [
      "id",
      "public_key",
      "recent_uptime",
      "last_successful_scan",
      "stuck_since",
      "has_quic",
      "has_siamux",
      "location",
      "lost_sectors",
      "unpinned_sectors",
      "settings_protocol_version",
      "settings_accepting_contracts",
      "settings_max_collateral",
      "settings_max_contract_duration",
      "settings_remaining_storage",
      "settings_contract_price",
      "settings_collateral",
      "settings_storage_price",
      "settings_ingress_price",
      "settings_egress_price",
      "settings_free_sector_price",
      "settings_tip_height",
      "settings_valid_until",
      "settings_signature",
    ],
    update: ["lost_sectors", "unpinned_sectors"],
  },
  { table: "public.host_addresses", select: ["id", "host_id", "net_address", "protocol"] },
  { table: "public.hosts_blocklist", select: ["public_key"] },
  {
    table: "public.contracts",
    select: [
      "contract_id",
      "host_id",
      "state",
      "good",
      "renewed_to",
      "proof_height",
      "expiration_height",
      "capacity",
      "size",
      "remaining_allowance",
      "used_collateral",
      "total_collateral",
    ],
  },
  { table: "public.contract_sectors_map", select: ["id", "contract_id"] },
  {
    table: "public.slabs",
    select: [
      "id",
      "digest",
      "version",
      "min_shards",
      "encryption_key",
      "consecutive_failed_repairs",
      "next_repair_attempt",
    ],
    update: ["consecutive_failed_repairs", "next_repair_attempt"],
  },
  {
    table: "public.sectors",
    select: [
      "id",
      "sector_root",
      "host_id",
      "contract_sectors_map_id",
      "next_integrity_check",
      "num_migrated",
      "uploaded_at",
    ],
    update: [
      "host_id",
      "contract_sectors_map_id",
      "next_integrity_check",
      "consecutive_failed_checks",
      "num_migrated",
      "uploaded_at",
    ],
  },
  { table: "public.slab_sectors", select: ["slab_id", "sector_id", "slab_index"] },
  { table: "public.account_slabs", select: ["slab_id"] },
  { table: "public.slab_deletion_queue", select: ["slab_id"] },
  { table: "public.objects", select: ["id", "object_key"] },
  { table: "public.object_slabs", select: ["object_id", "slab_digest"] },
  { table: "public.object_events", select: ["object_key", "account_id"], update: ["updated_at"] },
  { table: "public.stats_deltas", insert: ["stat_name", "stat_delta"] },
];

/**
 * Columns that exist only in some versions of indexd, and how the fleet uses them. A privilege on a column cannot be
 * granted before the column exists. Until these privileges are granted, the fleet works without them and reports the
 * consequence: it leases slabs that indexd has given up, and does not close a recovery window. After an upgrade of
 * indexd `slabmend grant` includes them.
 */
export const VERSION_PRIVILEGES: readonly IndexdPrivileges[] = [
  {
    table: "public.slabs",
    select: ["unrecoverable", "unrecoverable_since", "unrecoverable_reason"],
    update: ["unrecoverable_since", "unrecoverable_reason"],
  },
];
