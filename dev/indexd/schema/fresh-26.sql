-- Second of three parts of the fixture (dev/indexd/indexd-schema.ts): the tables that a later version changed, as
-- indexd 0.6.0 and 0.6.1 create them (db_version 26). The triggers follow in repair-statistics-26.sql. In `slabs`,
-- unrecoverable_since comes before unrecoverable_reason; in an upgraded database the order is the opposite.

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
  object_events_last_published timestamptz not null default '-infinity',
  constraint global_settings_check check (contracts_period > contracts_renew_window)
);

-- Slabs -----------------------------------------------------------------------------------------------------------

create table slabs (
  id bigserial primary key,
  pinned_at timestamptz not null default now(),
  digest bytea not null unique check (length(digest) = 32),
  encryption_key bytea not null,
  min_shards smallint not null check (min_shards > 0),
  version smallint not null default 0 check (version >= 0),
  consecutive_failed_repairs smallint not null default 0 check (consecutive_failed_repairs >= 0),
  next_repair_attempt timestamptz not null default now(),
  unrecoverable_since timestamptz,
  unrecoverable_reason text,
  constraint slabs_unrecoverable_reason_check check (unrecoverable_reason is null or unrecoverable_since is not null)
);
create index slabs_pinned_at_idx on slabs (pinned_at);

create function slab_is_stuck(failures smallint, unrecoverable boolean) returns boolean
language sql immutable parallel safe
as 'select not unrecoverable and failures > 1';

-- Events ----------------------------------------------------------------------------------------------------------

-- object_key has no foreign key to objects, because the event of a deleted object stays.
create table object_events (
  object_key bytea not null check (length(object_key) = 32),
  account_id bigint not null references accounts (id) on delete cascade,
  was_deleted boolean not null,
  updated_at timestamptz, -- null: not yet published
  primary key (account_id, object_key)
);
create index object_events_account_id_updated_at_object_key_idx on object_events (account_id, updated_at, object_key);
create index object_events_unpublished_idx on object_events (account_id, object_key) where updated_at is null;
create index object_events_object_key_idx on object_events (object_key);

-- Statistics: writers insert deltas, one flusher folds them into stats ---------------------------------------------

create table stats (
  stat_name text not null primary key,
  stat_value numeric(50, 0) not null default 0 check (stat_value >= 0)
);

create table stats_deltas (
  id bigserial primary key,
  stat_name text not null references stats (stat_name),
  stat_delta numeric(50, 0) not null
);
create index stats_deltas_stat_name_idx on stats_deltas (stat_name);

-- Rows that a new indexd database starts with ----------------------------------------------------------------------

-- What indexd requires of hosts by default: protocol 5.1.0 or newer, collateral of at least 100 SC/TB/month, and prices
-- of at most 3000 SC/TB/month for storage and 3000 SC/TB for traffic in each direction. Collateral and storage price
-- are columns in hastings per byte and block; the prices of traffic are in hastings per byte (1 TB = 1e12 bytes, a
-- month = 4320 blocks, 1 SC = 1e24 hastings).
insert into global_settings (db_version, hosts_min_protocol_version, hosts_min_collateral, hosts_max_storage_price,
  hosts_max_ingress_price, hosts_max_egress_price)
values (26, decode('050100', 'hex'), div(100 * 1e12, 4320), div(3000 * 1e12, 4320), 3000 * 1e12, 3000 * 1e12);

insert into stats (stat_name)
values ('num_slabs'), ('num_migrated_sectors'), ('num_pinned_sectors'), ('num_unpinnable_sectors'),
  ('num_unpinned_sectors'), ('num_sectors_checked'), ('num_sectors_lost'), ('num_sectors_check_failed'),
  ('num_accounts_registered'), ('num_scans'), ('num_scans_failed'), ('num_unrecoverable_slabs'), ('num_stuck_slabs'),
  ('contract_tax');
