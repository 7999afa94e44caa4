-- Our state. No foreign key points into indexd's tables: a slab that indexd deletes must not wait for us, and rows about
-- deleted slabs are harmless. Edited in place until the first release; afterwards tables change by a new numbered file.

-- Which slab is being repaired. One row per slab: the primary key makes the lease exclusive. Leases are looked up by slab,
-- also where a token is given. No index on expires_at: a heartbeat then rewrites the row in place (HOT), and reap reads a
-- table that is never larger than the fleet.
create table slabmend.leases (
  slab_id bigint primary key,
  digest bytea not null check (octet_length(digest) = 32),
  -- Fencing token: names the one time this slab was leased.
  token uuid not null default gen_random_uuid(),
  leased_at timestamptz not null,
  -- The next_repair_attempt that we wrote. Another value there means that indexd took the slab.
  held_until timestamptz not null,
  -- When the message was last about to be sent.
  sending_since timestamptz not null,
  sent_at timestamptz,
  began_at timestamptz,
  worker text check (length(worker) <= 200),
  expires_at timestamptz not null,
  margin smallint not null,
  -- What a running repair has spent as of its last heartbeat: for the journal, should the worker crash.
  bytes_read bigint not null default 0 check (bytes_read >= 0),
  bytes_written bigint not null default 0 check (bytes_written >= 0),
  hastings numeric(50, 0) not null default 0 check (hastings >= 0),
  -- Leased for the queue, or by a machine that leases what it begins at once. Each counts its own leases, or the larger
  -- would leave the other none.
  through_queue boolean not null default true,
  check ((began_at is null) = (worker is null))
) with (fillfactor = 70);

-- The repair history of a slab. A healthy slab keeps its row only until next_repair_attempt, which we wrote, is so long
-- past that it no longer matters who wrote it.
create table slabmend.repairs (
  slab_id bigint primary key,
  digest bytea not null check (octet_length(digest) = 32),
  -- Of the last repair, as in the journal.
  kind text not null default 'repair',
  last_outcome text not null,
  -- A stable code, never a message: a library's message may contain a secret.
  last_error text check (length(last_error) <= 200),
  finished_at timestamptz not null,
  -- Consecutive repairs that crashed.
  crashes smallint not null default 0 check (crashes >= 0),
  -- How often in a row last_outcome made us wait: our own backoff; indexd's counter is not touched.
  setbacks smallint not null default 0 check (setbacks >= 0),
  -- What we last wrote to slabs.next_repair_attempt.
  next_repair_attempt timestamptz not null,
  -- Shards pinned with a root that no subset of the others gives: [{"index", "root"}].
  bad_shards jsonb not null default '[]' check (jsonb_typeof(bad_shards) = 'array'),
  -- Keys of the objects concerned when data is at risk: at most 100 of object_count.
  objects jsonb not null default '[]' check (jsonb_typeof(objects) = 'array'),
  object_count integer not null default 0,
  quarantined_until timestamptz,
  quarantine_reason text
) with (fillfactor = 80);
create index repairs_quarantined_idx on slabmend.repairs (quarantined_until) where quarantined_until is not null;
create index repairs_finished_idx on slabmend.repairs (finished_at);

-- One finished job, append-only. The token tells whether a commit of unknown fate happened.
create table slabmend.journal (
  id bigint generated always as identity primary key,
  token uuid not null unique,
  -- Which job: 'repair'; 'drain': a repair that had no other cause than a host that is drained.
  kind text not null default 'repair',
  slab_id bigint not null,
  digest bytea not null,
  -- What was recorded; differs from what was reported when some moves were dropped.
  outcome text not null,
  reported_outcome text not null,
  -- A stable code; of a superseded repair, what superseded it.
  error text check (length(error) <= 200),
  -- [{"index", "root", "from", "to", "how"}], hosts by public key, which outlives a restored database; from is null for a lost
  -- sector.
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
  finished_at timestamptz not null,
  -- Its place in the stream (docs/journal.md), which the sequencer gives it once it is committed; null until then.
  incarnation integer,
  position bigint,
  check ((incarnation is null) = (position is null))
) with (autovacuum_vacuum_scale_factor = 0.05);
create unique index journal_position_idx on slabmend.journal (position) where position is not null;
create index journal_unsequenced_idx on slabmend.journal (id) where position is null;
create index journal_finished_at_idx on slabmend.journal (finished_at);
create index journal_slab_id_idx on slabmend.journal (slab_id, finished_at);

-- Sectors that a host acknowledged and no commit recorded yet, noted with heartbeats: the next repair of the slab looks for them
-- before it uploads. Used for two days (lib/database/leases/uploads.ts), then removed.
create table slabmend.uploads (
  slab_id bigint not null,
  sector_id bigint not null,
  host_id integer not null,
  -- The lease under which it was stored.
  token uuid not null,
  noted_at timestamptz not null,
  primary key (slab_id, sector_id, host_id)
);
create index uploads_noted_at_idx on slabmend.uploads (noted_at);

-- One row: the last place that was given. Whoever holds its lock may give places, delete old rows or join as a follower.
create table slabmend.journal_head (
  id smallint primary key default 0 check (id = 0),
  -- Raised when the database was restored or moved, because a rewound or copied database gives the same positions again.
  incarnation integer not null default 1 check (incarnation > 0),
  position bigint not null default 0 check (position >= 0)
);
insert into slabmend.journal_head default values;

-- How far each follower of the journal has come: docs/journal.md. Rows are kept until all have passed them.
create table slabmend.followers (
  name text primary key check (length(name) <= 1100),
  -- It has passed everything up to here.
  position bigint not null check (position >= 0),
  -- Of the archive: SHA-256 of the segment that ends here; null before the first one.
  segment text check (segment ~ '^[0-9a-f]{64}$'),
  updated_at timestamptz not null,
  -- A stable code: why it does not go on.
  stopped_by text check (length(stopped_by) <= 200),
  stopped_since timestamptz,
  check ((stopped_by is null) = (stopped_since is null))
);

-- Hourly sums of the journal (UTC): lib/database/journal/follow-totals.sql. A job is counted once for its outcome, once
-- for its error and once for each host.
create table slabmend.totals (
  dimension text not null check (dimension in ('outcome', 'cause', 'host')),
  hour timestamptz not null,
  kind text not null,
  -- The outcome; the stable code of an error or of why a move was dropped; the host's public key in hex.
  name text not null,
  jobs bigint not null,
  -- Those that moved something.
  moving_jobs bigint not null,
  sectors_copied bigint not null,
  sectors_rebuilt bigint not null,
  -- Of a host: moved away from it.
  sectors_left bigint not null,
  sectors_lost bigint not null,
  sectors_dropped bigint not null,
  bytes_read bigint not null,
  bytes_written bigint not null,
  hastings numeric(60, 0) not null,
  worker_seconds double precision not null,
  primary key (dimension, hour, kind, name)
);

-- What hosts said that they do not have (or have only corrupted), and where lost sectors were: a row for each sector and host. Written
-- under the lease's token and the sector's lock. A row goes when the host has served the whole sector, or when the sector goes.
create table slabmend.denials (
  sector_id bigint not null,
  host_id integer not null,
  root bytea not null check (octet_length(root) = 32),
  -- What of indexd's row the denial is bound to: once one of them has changed, the denial means nothing any more.
  map_id integer,
  uploaded_at timestamptz not null,
  code text not null check (code in ('not-found', 'corrupt')),
  -- Consecutive, without a read of the whole sector between them, and at least an hour apart. Three: bad for good.
  denials smallint not null check (denials > 0),
  -- When a read of the whole sector was first denied; null: only a range was.
  whole_denied_at timestamptz,
  first_denied_at timestamptz not null,
  -- The last one that counted in denials.
  counted_at timestamptz not null,
  last_denied_at timestamptz not null,
  -- 'lost': it became a loss in indexd's tables, or the sector was moved away since. An earlier location.
  state text not null check (state in ('open', 'lost')),
  primary key (sector_id, host_id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
create index denials_open_idx on slabmend.denials (sector_id) where state = 'open';
create index denials_host_idx on slabmend.denials (host_id, last_denied_at);
create index denials_denied_at_idx on slabmend.denials (last_denied_at);

-- Outbox: slabs whose objects' events still have to be bumped. Append-only for commits, so that a commit never waits for a
-- flush; several rows of a slab are one bump.
create table slabmend.moved (
  id bigint generated always as identity primary key,
  slab_id bigint not null,
  digest bytea not null,
  moved_at timestamptz not null
);

create table slabmend.dead_letters (
  message_id text primary key check (length(message_id) <= 200),
  -- At most 16 KiB of it; body_bytes is the size of the whole message.
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

-- How far a long scan has come.
create table slabmend.checkpoints (
  name text primary key,
  position bigint not null check (position >= 0),
  updated_at timestamptz not null
);

-- One row: the fleet's mode (lib/database/fleet/fleet-mode.ts) and its circuit breaker (circuit-breaker.ts).
create table slabmend.fleet (
  id smallint primary key default 0 check (id = 0),
  mode text not null default 'running'
    check (mode in ('running', 'paused', 'suspended', 'maintenance', 'deleting')),
  mode_owner text check (length(mode_owner) <= 200),
  mode_reason text check (length(mode_reason) <= 500),
  mode_since timestamptz,
  breaker_open boolean not null default false,
  breaker_since timestamptz not null,
  backoff_ms integer not null default 0 check (backoff_ms >= 0),
  backoff_from timestamptz,
  backoff_until timestamptz,
  last_probe_at timestamptz,
  -- When a run of claim, and one of reap, last came to its end without an error (last-runs.ts).
  claimed_at timestamptz,
  reaped_at timestamptz,
  -- Counts the changes: a writer that decided from an older state writes nothing.
  revision bigint not null default 0,
  check ((mode = 'running') = (mode_owner is null) and (mode = 'running') = (mode_since is null)),
  check (not breaker_open or (backoff_from is not null and backoff_until is not null))
);
insert into slabmend.fleet (breaker_since) values (clock_timestamp());

-- One row: the state of this indexer's control loop (lib/lifecycle/state-machine.ts); what an operator wants is the fleet's mode. The
-- lease (holder, token, expires_at) names the only process that may change it.
create table slabmend.lifecycle (
  id smallint primary key default 0 check (id = 0),
  state text not null default 'initializing'
    check (state in ('initializing', 'running', 'stopping', 'stopped', 'repairing', 'deleting')),
  since timestamptz not null default clock_timestamp(),
  -- Of the state's step, in a row; trouble is why the last one failed: code, message and remedy.
  failures integer not null default 0 check (failures >= 0),
  trouble jsonb check ((trouble is null) = (failures = 0)),
  holder text check (length(holder) <= 200),
  token uuid,
  expires_at timestamptz,
  check ((holder is null) = (token is null) and (token is null) = (expires_at is null))
) with (fillfactor = 50);
insert into slabmend.lifecycle default values;

-- One row: what the last look at indexd's database said (lib/database/indexd/version/verify-indexd.ts). Writers compare.
create table slabmend.indexd (
  id smallint primary key default 0 check (id = 0),
  -- Null: not looked at yet.
  db_version integer,
  -- The version by which to write; null: nothing may be written.
  profile integer,
  verdict text,
  checked_at timestamptz,
  -- As `init` found it: which indexer's database this is, also where it was copied to. Null: indexd had not started yet.
  wallet_hash bytea check (octet_length(wallet_hash) = 32)
);
insert into slabmend.indexd (id) values (0);

-- The backlog (docs/decisions/0011-leases-and-backlog.md): one row per slab that the walk found unhealthy.
create table slabmend.backlog (
  slab_id bigint primary key,
  -- What leasing orders by: the loss probability, and 0 for a slab that is beyond rescue.
  urgency double precision not null check (urgency between 0 and 1),
  -- lib/placement/loss-probability.ts
  loss double precision not null check (loss between 0 and 1),
  -- Sectors on good hosts minus min_shards.
  margin smallint not null,
  -- {"lost": 2, "bad-contract": 1}: sectors by cause.
  causes jsonb not null,
  -- {"lost": 1700000000000.123}: since when a cause is known, in milliseconds since the epoch; a grace counts from it.
  since jsonb not null,
  -- Since when it is due, or since its last repair ended, whichever is later.
  waiting_since timestamptz not null,
  -- It may be leased now, as far as we know. Otherwise look_at says when to judge it again: when a grace, a next attempt or a
  -- lease ends. look_at means nothing while it is ready.
  ready boolean not null,
  look_at timestamptz not null
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
create index backlog_urgency_idx on slabmend.backlog (urgency desc, waiting_since, slab_id) where ready;
create index backlog_waiting_idx on slabmend.backlog (waiting_since, urgency desc) where ready;
create index backlog_look_at_idx on slabmend.backlog (look_at) where not ready;

-- In which pass the walk of each cause last saw a slab: the marks of mark and sweep. A table of its own: a cause can come or
-- go without touching what others saw, and a pass rewrites no row of backlog that has not changed.
create table slabmend.marks (
  cause text not null,
  slab_id bigint not null,
  pass bigint not null,
  primary key (cause, slab_id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
create index marks_slab_id_idx on slabmend.marks (slab_id);

-- How far each cause's walk has come. phase 'mark': over bad sectors, by sector id; then 'sweep': over the slabs that this
-- cause marked in an earlier pass but not in this one, by slab id.
create table slabmend.walks (
  cause text primary key,
  pass bigint not null default 1 check (pass > 0),
  phase text not null default 'mark' check (phase in ('mark', 'sweep')),
  position bigint not null default 0 check (position >= 0),
  -- One sector may belong to any number of slabs, so a page can end within a sector. Slabs of the next sector up to this id
  -- are done; 0: none.
  slab_position bigint not null default 0 check (slab_position >= 0),
  pass_started_at timestamptz not null,
  -- Of the last complete pass; null: there was none yet.
  finished_at timestamptz,
  pass_ms double precision
);

-- What workers measured of hosts, as fading sums: lib/database/fleet/host-scores.ts. No foreign key; a row of a host that
-- is gone fades to nothing.
create table slabmend.host_scores (
  host_key bytea primary key check (octet_length(host_key) = 32),
  read_bytes double precision not null default 0,
  read_ms double precision not null default 0,
  write_bytes double precision not null default 0,
  write_ms double precision not null default 0,
  successes double precision not null default 0,
  failures double precision not null default 0,
  out_of_funds_at timestamptz,
  full_at timestamptz,
  -- Until when the sums have faded.
  faded_at timestamptz not null
) with (fillfactor = 50);

-- Which limit of the budget stops claims, for metrics and status: lib/database/fleet/budget.ts. One row.
create table slabmend.budget (
  id smallint primary key default 0 check (id = 0),
  limits jsonb not null default '{}',
  spent jsonb not null default '{}',
  stopped_by text[] not null default '{}',
  stopped_since timestamptz,
  checked_at timestamptz
);
insert into slabmend.budget default values;

-- Which commands work for this database: a row for each `work` and `serve`, kept by a heartbeat (lib/database/fleet/workers.ts).
-- It goes when the command ends; after a crash it stays for a day, and seen_at tells.
create table slabmend.workers (
  id uuid primary key,
  command text not null check (command in ('work', 'serve')),
  host text not null check (length(host) <= 200),
  pid integer not null,
  -- Repairs at once, and under way.
  concurrency integer not null check (concurrency > 0),
  running integer not null check (running >= 0),
  state text not null check (state in ('working', 'draining')),
  -- A stable code of what keeps it from working; null: nothing does.
  trouble text check (length(trouble) <= 200),
  started_at timestamptz not null,
  seen_at timestamptz not null
) with (fillfactor = 50);

-- Maintenance runs: lib/database/runs. At most one is not finished. The lease (coordinator, token, expires_at) names the process that
-- moves it on; `checkpoint` is the last stable one, from which another process continues.
create table slabmend.runs (
  id bigint generated always as identity primary key,
  kind text not null check (kind ~ '^[a-z-]{1,40}$'),
  -- What the operator asked for, as its kind understands it.
  scope jsonb not null,
  state text not null default 'running'
    check (state in ('running', 'paused', 'cancelling', 'done', 'cancelled', 'failed')),
  checkpoint jsonb not null default '{}',
  statistics jsonb not null default '{}',
  -- Of a failed run: code, message and remedy.
  error jsonb check ((error is not null) = (state = 'failed')),
  owner text not null,
  started_at timestamptz not null default clock_timestamp(),
  -- When a coordinator last saved a step, or an operator asked for something: since then no process has moved it on.
  moved_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz check ((finished_at is not null) = (state in ('done', 'cancelled', 'failed'))),
  coordinator text,
  token uuid,
  expires_at timestamptz,
  check ((coordinator is null) = (token is null) and (token is null) = (expires_at is null))
);
create unique index runs_one_unfinished on slabmend.runs ((true)) where finished_at is null;
create index runs_finished_idx on slabmend.runs (finished_at) where finished_at is not null;

-- Due checks (lib/jobs/verify/due-checks.ts): sums of an hour (UTC).
create table slabmend.checks (
  hour timestamptz primary key,
  confirmed bigint not null,
  denied bigint not null,
  -- indexd checked or moved the sector meanwhile.
  superseded bigint not null,
  wrong_data bigint not null,
  unanswered bigint not null,
  hastings numeric(60, 0) not null
) with (fillfactor = 50);

-- Hosts that answered nothing of a whole batch of due checks, and until when they are left alone. A row goes with the next answer.
create table slabmend.silent_hosts (
  host_id integer primary key,
  -- In a row.
  batches smallint not null check (batches > 0),
  until timestamptz not null
);

-- After a restore: indexd is kept from pruning until an operator releases it. No row: it is not.
create table slabmend.prune_hold (
  id smallint primary key default 0 check (id = 0),
  held_since timestamptz not null,
  -- When the contracts' next prune was last put off.
  applied_at timestamptz not null
);

-- What an archive says of sectors that moved since a backup, while a restore is under way: the last row of the archive wins.
create table slabmend.restored_moves (
  root bytea primary key,
  slab_digest bytea not null,
  -- Null: it was lost there and then.
  host_key bytea
);
create index restored_moves_slab_idx on slabmend.restored_moves (slab_digest);

-- When a lease ends, in any way, its slab is looked at again at once, in the same transaction so that no crash comes
-- between. A trigger, because five places end leases. Entries are locked by ascending slab id:
-- docs/architecture.md#locks.
create function slabmend.look_again_when_leases_end() returns trigger
language plpgsql
as $function$
begin
  update slabmend.backlog b set ready = false, look_at = clock_timestamp()
  where b.slab_id = any (array(
    select k.slab_id
    from slabmend.backlog k
    where k.slab_id = any (array(select e.slab_id from ended e))
    order by k.slab_id
    for no key update));
  return null;
end
$function$;
create trigger leases_ended after delete on slabmend.leases
referencing old table as ended
for each statement execute function slabmend.look_again_when_leases_end();
