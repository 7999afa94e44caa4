-- Our state: docs/architecture.md, State. No foreign key of ours points into indexd's tables: a slab that indexd
-- deletes must not wait for us, and rows about deleted slabs are harmless.

-- Which slab somebody may be repairing. One row a slab, so that exclusivity is the primary key's.
-- No index on expires_at: a heartbeat then rewrites the row in place (HOT), and reap reads a table that is never larger
-- than the fleet.
create table slabmend.leases (
  slab_id bigint primary key,
  digest bytea not null check (octet_length(digest) = 32),
  -- Fencing: names the one time this slab was leased.
  token uuid not null unique default gen_random_uuid(),
  leased_at timestamptz not null,
  -- The next_repair_attempt that we wrote; whoever finds another value there knows that indexd took the slab.
  held_until timestamptz not null,
  -- When somebody last set out to send the message.
  sending_since timestamptz not null,
  sent_at timestamptz,
  began_at timestamptz,
  worker text check (length(worker) <= 200),
  expires_at timestamptz not null,
  margin smallint not null,
  check ((began_at is null) = (worker is null))
) with (fillfactor = 70);

-- The repair history of a slab. A slab that is simply fine keeps its row only until its next_repair_attempt, which we
-- wrote, is so long past that nobody asks any more who wrote it.
create table slabmend.repairs (
  slab_id bigint primary key,
  digest bytea not null check (octet_length(digest) = 32),
  last_outcome text not null,
  -- A stable code, never a message: messages of libraries may carry what must not be stored.
  last_error text check (length(last_error) <= 200),
  finished_at timestamptz not null,
  -- Repairs in a row that crashed.
  crashes smallint not null default 0 check (crashes >= 0),
  -- Times in a row that last_outcome was this one and made us wait: our own backoff, indexd's counter is not touched.
  setbacks smallint not null default 0 check (setbacks >= 0),
  -- What we last wrote to slabs.next_repair_attempt.
  next_repair_attempt timestamptz not null,
  -- Shards that were pinned with a root that no subset of the others gives: [{"index", "root"}].
  bad_shards jsonb not null default '[]' check (jsonb_typeof(bad_shards) = 'array'),
  -- Keys of objects that are concerned when data is at risk, at most 100 of object_count.
  objects jsonb not null default '[]' check (jsonb_typeof(objects) = 'array'),
  object_count integer not null default 0,
  quarantined_until timestamptz,
  quarantine_reason text
) with (fillfactor = 80);
create index repairs_quarantined_idx on slabmend.repairs (quarantined_until) where quarantined_until is not null;
create index repairs_finished_idx on slabmend.repairs (finished_at);

-- One finished repair, append-only. The token tells whether a commit of unknown fate happened.
create table slabmend.journal (
  id bigint generated always as identity primary key,
  token uuid not null unique,
  slab_id bigint not null,
  digest bytea not null,
  -- What was recorded; differs from what was reported when some moves were dropped.
  outcome text not null,
  reported_outcome text not null,
  -- A stable code; of a superseded repair, what superseded it.
  error text check (length(error) <= 200),
  -- [{"index", "root", "from", "to", "how"}], hosts by id; from is null for a lost sector.
  moves jsonb not null default '[]',
  -- [{"root", "host"}]
  lost jsonb not null default '[]',
  -- [{"index", "why"}]
  dropped jsonb not null default '[]',
  bytes_read bigint not null default 0 check (bytes_read >= 0),
  bytes_written bigint not null default 0 check (bytes_written >= 0),
  hastings numeric(50, 0) not null default 0 check (hastings >= 0),
  phases_ms jsonb not null default '{}',
  worker text not null,
  leased_at timestamptz not null,
  began_at timestamptz not null,
  finished_at timestamptz not null
);
create index journal_finished_at_idx on slabmend.journal (finished_at);
create index journal_slab_id_idx on slabmend.journal (slab_id, finished_at);

-- Outbox: slabs whose objects' events still have to be bumped. Append-only for commits, so that a commit never waits
-- for a flush; several rows of a slab are one bump.
create table slabmend.moved (
  id bigint generated always as identity primary key,
  slab_id bigint not null,
  digest bytea not null,
  moved_at timestamptz not null
);

create table slabmend.dead_letters (
  message_id text primary key check (length(message_id) <= 200),
  -- At most 16 KiB of it; the size is the whole message's.
  body text not null,
  body_bytes integer not null,
  cause text not null,
  slab_id bigint,
  token uuid,
  -- As the queue counted.
  receive_count integer not null,
  times_seen integer not null default 1,
  sent_at timestamptz,
  first_seen timestamptz not null,
  last_seen timestamptz not null
);
create index dead_letters_last_seen_idx on slabmend.dead_letters (last_seen);

-- Where a long walk stands.
create table slabmend.checkpoints (
  name text primary key,
  position bigint not null check (position >= 0),
  updated_at timestamptz not null
);
-- Sectors up to this id have been looked at in this lap of claim.
insert into slabmend.checkpoints (name, position, updated_at) values ('claim', 0, clock_timestamp());

-- Whether the fleet as a whole is ill: lib/database/fleet/circuit-breaker.ts. One row.
create table slabmend.fleet (
  id smallint primary key default 0 check (id = 0),
  ill boolean not null default false,
  since timestamptz not null,
  backoff_ms integer not null default 0 check (backoff_ms >= 0),
  backoff_from timestamptz,
  backoff_until timestamptz,
  last_probe_at timestamptz,
  -- Counts the changes: a writer that decided from an older state writes nothing.
  revision bigint not null default 0,
  check (not ill or (backoff_from is not null and backoff_until is not null))
);
insert into slabmend.fleet (since) values (clock_timestamp());
