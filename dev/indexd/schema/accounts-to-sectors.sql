-- First of three parts of the fixture (dev/indexd/indexd-schema.ts): the tables that no version from 22 to 26 changed
-- and to which the tables of the other parts refer. Tables, columns, defaults, constraints and indexes equal indexd's;
-- the wording of the statements is ours.

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

-- Each row blocks the host with this key, even a host that is not yet in `hosts`.
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

-- Sectors are pinned to a row of this table. A renewal sets the row's contract_id to the new contract, and keeps the
-- row's own id, so the sectors need no change.
create table contract_sectors_map (
  id serial primary key,
  contract_id bytea not null unique references contracts (contract_id)
);
create index contract_sectors_map_contract_id_idx on contract_sectors_map (contract_id);

-- Sectors ---------------------------------------------------------------------------------------------------------

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

insert into quotas (name, description, max_pinned_data, total_uses, fund_target_bytes)
values ('default', 'Default quota', 1000000000000, 5, 4000000000);
