-- Last of three parts of the fixture (dev/indexd/indexd-schema.ts): the tables that no version from 22 to 26 changed
-- and that refer to `slabs`.

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

-- Slabs that may be deleted. indexd later deletes such a slab if no account pins it and no object contains it. The
-- column slab_id has no foreign key.
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
