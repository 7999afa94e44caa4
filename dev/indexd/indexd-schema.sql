-- The part of indexd's database that repair reads or writes, and what its foreign keys need: tables, columns,
-- defaults, constraints and indexes as indexd v0.4.4 creates them (db_version 22). A fixture for tests and for the
-- local runtime only; in production these tables are indexd's own and are never created or altered by us.
-- Column order, names and index names are indexd's, so that its catalogue and this one can be compared.
-- Facts: docs/protocol.md, Database schema. Loads into an empty database; PostgreSQL 15 or newer.

-- Settings: one row ------------------------------------------------------------------------------------------------

create table global_settings (
  id integer not null default 0 primary key check (id = 0),
  db_version integer not null,
  scanned_height bigint not null default 0 check (scanned_height >= 0),
  scanned_block_id bytea not null default '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea check (length(scanned_block_id) = 32),
  wallet_hash bytea check (wallet_hash is null or length(wallet_hash) = 32),
  contracts_maintenance_enabled boolean not null default false,
  contracts_wanted integer not null default 50 check (contracts_wanted > 0),
  contracts_renew_window integer not null default 144 * 7 * 2 check (contracts_renew_window > 0),
  contracts_period integer not null default 144 * 7 * 6,
  hosts_min_protocol_version bytea,
  hosts_min_collateral numeric(50, 0),
  hosts_max_storage_price numeric(50, 0),
  hosts_max_ingress_price numeric(50, 0),
  hosts_max_egress_price numeric(50, 0),
  pins_currency varchar(3) not null default '',
  pins_min_collateral double precision not null default 0 check (pins_min_collateral >= 0),
  pins_max_storage_price double precision not null default 0 check (pins_max_storage_price >= 0),
  pins_max_ingress_price double precision not null default 0 check (pins_max_ingress_price >= 0),
  pins_max_egress_price double precision not null default 0 check (pins_max_egress_price >= 0),
  constraint global_settings_check check (contracts_period > contracts_renew_window)
);

-- Accounts: whose slabs and objects these are ----------------------------------------------------------------------

create table quotas (
  name text primary key check (length(name) > 0 and length(name) <= 32),
  description text not null,
  max_pinned_data bigint not null check (max_pinned_data >= 0),
  total_uses integer not null check (total_uses >= 0),
  fund_target_bytes bigint not null check (fund_target_bytes >= 0)
);

create table app_connect_keys (
  id serial primary key,
  user_secret bytea not null unique check (length(user_secret) = 32),
  app_key text not null unique,
  use_description text not null,
  quota_name text not null references quotas (name),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  last_used timestamptz,
  pinned_data bigint not null default 0 check (pinned_data >= 0),
  pinned_size bigint not null default 0 check (pinned_size >= 0)
);
create index app_connect_keys_quota_name_idx on app_connect_keys (quota_name);

create table accounts (
  id serial primary key,
  public_key bytea not null unique check (length(public_key) = 32),
  connect_key_id integer not null references app_connect_keys (id),
  pinned_data bigint not null default 0 check (pinned_data >= 0),
  pinned_size bigint not null default 0 check (pinned_size >= 0),
  max_pinned_data bigint not null check (max_pinned_data >= 0),
  app_id bytea not null default '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea check (length(app_id) = 32),
  name text not null default '',
  description text not null default '',
  logo_url text not null default '',
  service_url text not null default '',
  last_used timestamptz not null default now(),
  deleted_at timestamptz
);
create index accounts_app_id_idx on accounts (app_id) where deleted_at is null;
create index accounts_connect_key_id_idx on accounts (connect_key_id);
create index accounts_deleted_at_idx on accounts (deleted_at);
create index accounts_last_used_idx on accounts (last_used);

-- Hosts ------------------------------------------------------------------------------------------------------------

create table hosts (
  id serial primary key,
  public_key bytea not null unique check (length(public_key) = 32),
  consecutive_failed_scans integer not null default 0,
  recent_uptime double precision not null default 0.9 check (recent_uptime > 0 and recent_uptime < 1),
  last_integrity_check timestamptz not null default now(),
  last_failed_scan timestamptz,
  last_successful_scan timestamptz,
  last_announcement timestamptz not null,
  has_quic boolean not null default false,
  has_siamux boolean not null default false,
  next_scan timestamptz not null default now(),
  country_code text not null default '',
  location point not null default point(0.0, 0.0),
  lost_sectors integer not null default 0,
  unpinned_sectors integer not null default 0 check (unpinned_sectors >= 0),
  stuck_since timestamptz,
  scans integer not null default 0 check (scans >= 0),
  scans_failed integer not null default 0 check (scans_failed >= 0),
  usage_account_funding numeric(50, 0) not null default 0,
  usage_total_spent numeric(50, 0) not null default 0,
  settings_protocol_version bytea not null default '\x000000'::bytea
    check (length(settings_protocol_version) = 3),
  settings_release text not null default '',
  settings_wallet_address bytea not null default '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea
    check (length(settings_wallet_address) = 32),
  settings_accepting_contracts boolean not null default false,
  settings_max_collateral numeric(50, 0) not null default 0,
  settings_max_contract_duration bigint not null default 0,
  settings_remaining_storage bigint not null default 0,
  settings_total_storage bigint not null default 0,
  settings_contract_price numeric(50, 0) not null default 0,
  settings_collateral numeric(50, 0) not null default 0,
  settings_storage_price numeric(50, 0) not null default 0,
  settings_ingress_price numeric(50, 0) not null default 0,
  settings_egress_price numeric(50, 0) not null default 0,
  settings_free_sector_price numeric(50, 0) not null default 0,
  settings_tip_height bigint not null default 0,
  settings_valid_until timestamptz,
  settings_signature bytea not null default '\x00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'::bytea check (length(settings_signature) = 64)
);
create index hosts_country_code_idx on hosts (country_code);
create index hosts_last_integrity_check_idx on hosts (last_integrity_check);
create index hosts_location_gist_idx on hosts using gist (location);
create index hosts_lost_sectors_idx on hosts (lost_sectors);
create index hosts_next_scan_idx on hosts (next_scan);
create index hosts_stuck_since_idx on hosts (stuck_since) where stuck_since is not null;
create index hosts_usage_total_spent_idx on hosts (usage_total_spent desc);

create table host_addresses (
  id serial primary key,
  host_id integer not null references hosts (id) on delete cascade,
  net_address text not null,
  protocol smallint not null -- 1 siamux, 2 quic
);
create index host_addresses_host_id_idx on host_addresses (host_id);

-- A row blocks a host; the key need not be that of a known host.
create table hosts_blocklist (
  public_key bytea primary key check (length(public_key) = 32),
  added timestamptz not null default now(),
  reasons text[] not null default array[]::text[]
);
create index hosts_blocklist_reasons_gin_idx on hosts_blocklist using gin (reasons);

-- Contracts --------------------------------------------------------------------------------------------------------

create table contracts (
  id serial primary key,
  host_id integer not null references hosts (id),
  contract_id bytea not null unique check (length(contract_id) = 32),
  formation timestamptz not null default now(),
  proof_height bigint not null,
  expiration_height bigint not null,
  renewed_from bytea unique references contracts (contract_id),
  renewed_to bytea unique references contracts (contract_id),
  revision_number integer not null default 0 check (revision_number >= 0),
  state smallint not null default 0, -- 0 pending, 1 active, 2 resolved, 3 expired, 4 rejected
  last_broadcast_attempt timestamptz not null default now(),
  next_prune timestamptz not null default now() + interval '1 day',
  capacity bigint not null default 0,
  size bigint not null default 0 check (size >= 0),
  contract_price numeric(50, 0) not null,
  initial_allowance numeric(50, 0) not null,
  remaining_allowance numeric(50, 0) not null default 0 check (remaining_allowance >= 0),
  miner_fee numeric(50, 0) not null,
  used_collateral numeric(50, 0) not null default 0,
  total_collateral numeric(50, 0) not null,
  good boolean not null default true,
  append_sector_spending numeric(50, 0) not null default 0,
  free_sector_spending numeric(50, 0) not null default 0,
  fund_account_spending numeric(50, 0) not null default 0,
  sector_roots_spending numeric(50, 0) not null default 0,
  raw_revision bytea not null,
  constraint contracts_check check (capacity >= size),
  constraint contracts_check1 check (used_collateral <= total_collateral)
);
create index contracts_host_id_idx on contracts (host_id);
create index contracts_formation_pending_idx on contracts (formation) where state = 0;
create index contracts_expiration_height_contract_id_idx on contracts (expiration_height, contract_id)
  where state = 1 and renewed_to is null;
create index contracts_host_id_active_good_idx on contracts (host_id)
  where state in (0, 1) and renewed_to is null and good;
create index contracts_host_id_active_bad_idx on contracts (host_id)
  where state in (0, 1) and renewed_to is null and not good;
create index contracts_host_id_inactive_good_idx on contracts (host_id) where state in (2, 3, 4) and good;
create index contracts_host_id_inactive_bad_idx on contracts (host_id) where state in (2, 3, 4) and not good;
create index contracts_last_broadcast_attempt_active_idx on contracts (last_broadcast_attempt, contract_id)
  where state in (0, 1) and renewed_to is null;
create index contracts_active_host_size_idx on contracts (proof_height, host_id)
  include (good, capacity, size, initial_allowance, remaining_allowance)
  where state in (0, 1) and renewed_to is null;
create index contracts_host_id_remaining_allowance_active_idx
  on contracts (host_id, remaining_allowance desc, contract_id)
  where state in (0, 1) and renewed_to is null and good and remaining_allowance > 0;
create index contracts_size_contract_id_idx on contracts (host_id, size desc, contract_id) include (next_prune)
  where state in (0, 1) and renewed_to is null and good and remaining_allowance > 0;
create index contracts_next_prune_host_id_idx on contracts (next_prune, host_id)
  where state in (0, 1) and renewed_to is null and good;

-- What sectors are pinned to: the id stays the same when a renewal repoints the row to the new contract.
create table contract_sectors_map (
  id serial primary key,
  contract_id bytea not null unique references contracts (contract_id)
);
create index contract_sectors_map_contract_id_idx on contract_sectors_map (contract_id);

-- Slabs and sectors ------------------------------------------------------------------------------------------------

create table slabs (
  id bigserial primary key,
  pinned_at timestamptz not null default now(),
  digest bytea not null unique check (length(digest) = 32),
  encryption_key bytea not null,
  min_shards smallint not null check (min_shards > 0),
  version smallint not null default 0 check (version >= 0),
  consecutive_failed_repairs smallint not null default 0 check (consecutive_failed_repairs >= 0),
  next_repair_attempt timestamptz not null default now()
);
create index slabs_pinned_at_idx on slabs (pinned_at);

create table sectors (
  id bigserial primary key,
  sector_root bytea not null unique,
  host_id integer references hosts (id), -- null: lost
  contract_sectors_map_id integer references contract_sectors_map (id), -- null: unpinned
  uploaded_at timestamptz not null default now(),
  next_integrity_check timestamptz not null,
  consecutive_failed_checks smallint not null default 0,
  num_migrated integer not null default 0,
  constraint sectors_check
    check ((host_id is null and contract_sectors_map_id is null) or host_id is not null)
);
create index sectors_lost_idx on sectors (id) where host_id is null;
create index sectors_host_id_idx on sectors (host_id);
create index sectors_host_id_sector_root_idx on sectors (host_id, sector_root);
create index sectors_host_id_next_integrity_check_idx on sectors (host_id, next_integrity_check);
create index sectors_host_id_uploaded_at_idx on sectors (host_id, uploaded_at) where contract_sectors_map_id is null;
create index sectors_host_id_null_contract_map_idx on sectors (host_id) where contract_sectors_map_id is null;
create index sectors_uploaded_at_unpinned_idx on sectors (uploaded_at)
  where host_id is not null and contract_sectors_map_id is null;
create index sectors_consecutive_failed_checks_idx on sectors (host_id, consecutive_failed_checks)
  where consecutive_failed_checks > 0;
create index sectors_contract_sectors_map_id_id_idx on sectors (contract_sectors_map_id, id);
create index sectors_contract_sectors_map_id_sector_root_idx on sectors (contract_sectors_map_id, sector_root);
create index sectors_contract_sectors_map_id_uploaded_at_idx on sectors (contract_sectors_map_id, uploaded_at);

create table slab_sectors (
  slab_id bigint references slabs (id) on delete cascade,
  sector_id bigint references sectors (id) on delete cascade,
  slab_index smallint not null,
  primary key (slab_id, sector_id)
);
create unique index slab_sectors_sector_id_slab_id_idx on slab_sectors (sector_id, slab_id);
create unique index slab_sectors_slab_id_slab_index_idx on slab_sectors (slab_id, slab_index);

create table account_slabs (
  account_id integer not null references accounts (id),
  slab_id bigserial not null references slabs (id),
  primary key (account_id, slab_id)
);
create index account_slabs_slab_id_idx on account_slabs (slab_id);

-- Append-only; a queued slab is deleted later if neither an account nor an object holds it. No foreign key.
create table slab_deletion_queue (
  id bigserial primary key,
  slab_id bigint not null
);

-- Objects ----------------------------------------------------------------------------------------------------------

create table objects (
  id bigserial primary key,
  object_key bytea not null check (length(object_key) = 32),
  encrypted_data_key bytea not null unique check (length(encrypted_data_key) = 72),
  encrypted_meta_key bytea unique check (length(encrypted_meta_key) = 72),
  account_id integer not null references accounts (id),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  encrypted_metadata bytea,
  data_signature bytea not null unique check (length(data_signature) = 64),
  meta_signature bytea not null unique check (length(meta_signature) = 64)
);
create unique index objects_account_id_object_key_idx on objects (account_id, object_key);

create table object_slabs (
  object_id bigint references objects (id) on delete cascade,
  slab_digest bytea references slabs (digest) on delete restrict,
  slab_index integer not null,
  slab_offset integer not null,
  slab_length integer not null,
  primary key (object_id, slab_digest, slab_index)
);
create index object_slabs_object_id_slab_index_idx on object_slabs (object_id, slab_index);
create index object_slabs_slab_digest_idx on object_slabs (slab_digest);

-- No foreign key to objects: the event of a deleted object stays.
create table object_events (
  object_key bytea not null check (length(object_key) = 32),
  account_id bigint not null references accounts (id) on delete cascade,
  was_deleted boolean not null,
  updated_at timestamptz default date_trunc('second', now()),
  primary key (account_id, object_key)
);
create index object_events_account_id_updated_at_object_key_idx on object_events (account_id, updated_at, object_key);
create index object_events_object_key_idx on object_events (object_key);

-- Statistics: writers insert deltas, one flusher folds them into stats ---------------------------------------------

create table stats (
  stat_name text not null primary key,
  stat_value bigint not null default 0 check (stat_value >= 0)
);

create table stats_deltas (
  id bigserial primary key,
  stat_name text not null references stats (stat_name),
  stat_delta bigint not null
);
create index stats_deltas_stat_name_idx on stats_deltas (stat_name);

-- Rows that a new indexd database starts with ----------------------------------------------------------------------

-- Limits: 3000 SC/TB for traffic, 3000 SC/TB/month and 100 SC/TB/month for storage and collateral, in hastings per
-- byte and per byte and block (1 TB = 1e12 bytes, a month = 4320 blocks, 1 SC = 1e24 hastings); protocol 5.0.2.
insert into global_settings (db_version, hosts_min_protocol_version, hosts_min_collateral, hosts_max_storage_price,
  hosts_max_ingress_price, hosts_max_egress_price)
values (22, decode('050002', 'hex'), div(100 * 1e12, 4320), div(3000 * 1e12, 4320), 3000 * 1e12, 3000 * 1e12);

insert into quotas (name, description, max_pinned_data, total_uses, fund_target_bytes)
values ('default', 'Default quota', 1000000000000, 5, 4000000000);

insert into stats (stat_name)
values ('num_slabs'), ('num_migrated_sectors'), ('num_pinned_sectors'), ('num_unpinnable_sectors'),
  ('num_unpinned_sectors'), ('num_sectors_checked'), ('num_sectors_lost'), ('num_sectors_check_failed'),
  ('num_accounts_registered'), ('num_scans'), ('num_scans_failed');
