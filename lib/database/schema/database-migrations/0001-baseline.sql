-- slabmend's state. No foreign key points to indexd's tables: deleting a slab in indexd must not wait for us, and rows
-- about deleted slabs are harmless. This file is edited until the first release; after that, each change of tables is a
-- new numbered file.

-- Which slabs are leased for a repair. One row per slab: the primary key makes the lease exclusive. Leases are looked
-- up by slab, even if a token is given. There is no index on expires_at, so that a heartbeat rewrites the row in place
-- (HOT). Instead, reap reads the whole table: one row per lease, and the fleet limits its leases.
create table slabmend.leases (
  slab_id bigint primary key,
  digest bytea not null check (octet_length(digest) = 32),
  -- Fencing token: identifies this one lease of the slab.
  token uuid not null default gen_random_uuid(),
  leased_at timestamptz not null,
  -- The slab's next_repair_attempt as we wrote it. If the slab's next_repair_attempt differs from this value, indexd
  -- has claimed the slab.
  held_until timestamptz not null,
  -- When the last attempt to send the message began.
  sending_since timestamptz not null,
  sent_at timestamptz,
  began_at timestamptz,
  worker text check (length(worker) <= 200),
  expires_at timestamptz not null,
  margin smallint not null,
  -- What a running repair has spent as of its last heartbeat: for the journal, if the worker crashes.
  bytes_read bigint not null default 0 check (bytes_read >= 0),
  bytes_written bigint not null default 0 check (bytes_written >= 0),
  hastings numeric(50, 0) not null default 0 check (hastings >= 0),
  -- True: leased for the queue; false: by a machine that begins its leases itself. The queue and the machines each
  -- count only their own leases against their limit; otherwise the side with the higher limit would leave no leases to
  -- the other.
  through_queue boolean not null default true,
  check ((began_at is null) = (worker is null))
) with (fillfactor = 70);

-- The repair history of a slab. The row of a healthy slab is kept only until the next_repair_attempt that we wrote is
-- so far in the past that it no longer matters who wrote it.
create table slabmend.repairs (
  slab_id bigint primary key,
  digest bytea not null check (octet_length(digest) = 32),
  -- The kind of the last repair, as in the journal.
  kind text not null default 'repair',
  last_outcome text not null,
  -- A stable code, never a message: a library's message may contain a secret.
  last_error text check (length(last_error) <= 200),
  finished_at timestamptz not null,
  -- Consecutive repairs that crashed.
  crashes smallint not null default 0 check (crashes >= 0),
  -- How often in a row last_outcome required our own backoff, which leaves indexd's counter unchanged.
  setbacks smallint not null default 0 check (setbacks >= 0),
  -- The value that we last wrote to slabs.next_repair_attempt.
  next_repair_attempt timestamptz not null,
  -- Shards whose pinned root cannot be reproduced from any subset of the others: [{"index", "root"}].
  bad_shards jsonb not null default '[]' check (jsonb_typeof(bad_shards) = 'array'),
  -- Keys of the affected objects if data is at risk: at most 100 of object_count.
  objects jsonb not null default '[]' check (jsonb_typeof(objects) = 'array'),
  object_count integer not null default 0,
  quarantined_until timestamptz,
  quarantine_reason text
) with (fillfactor = 80);
create index repairs_quarantined_idx on slabmend.repairs (quarantined_until) where quarantined_until is not null;
create index repairs_finished_idx on slabmend.repairs (finished_at);

-- Finished jobs, append-only. If a commit's answer was lost, the token shows whether the commit happened.
create table slabmend.journal (
  id bigint generated always as identity primary key,
  token uuid not null unique,
  -- The kind of job: 'repair'; 'drain': a repair whose only cause was a draining host.
  kind text not null default 'repair',
  slab_id bigint not null,
  digest bytea not null,
  -- The recorded outcome; differs from the reported one if, for example, some moves were dropped.
  outcome text not null,
  reported_outcome text not null,
  -- A stable code; for a superseded repair, what superseded it.
  error text check (length(error) <= 200),
  -- [{"index", "root", "from", "to", "how"}], hosts by public key (valid even after a restore); from is null if the
  -- sector was lost.
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
  -- The row's position in the stream (docs/journal.md), assigned by the sequencer once the row is committed; null until
  -- then.
  incarnation integer,
  position bigint,
  check ((incarnation is null) = (position is null))
) with (autovacuum_vacuum_scale_factor = 0.05);
create unique index journal_position_idx on slabmend.journal (position) where position is not null;
create index journal_unsequenced_idx on slabmend.journal (id) where position is null;
create index journal_finished_at_idx on slabmend.journal (finished_at);
create index journal_slab_id_idx on slabmend.journal (slab_id, finished_at);

-- Sectors that a host acknowledged and no commit has recorded yet. Heartbeats write these rows, and the next repair of
-- the slab looks for the sectors before it uploads. A row is used for two days (lib/database/leases/uploads.ts), then
-- removed.
create table slabmend.uploads (
  slab_id bigint not null,
  sector_id bigint not null,
  host_id integer not null,
  -- The lease under which the sector was stored.
  token uuid not null,
  noted_at timestamptz not null,
  primary key (slab_id, sector_id, host_id)
);
create index uploads_noted_at_idx on slabmend.uploads (noted_at);

-- One row: the last position assigned. Only a transaction that has locked this row may assign positions, delete old
-- rows of the journal, or join as a follower.
create table slabmend.journal_head (
  id smallint primary key default 0 check (id = 0),
  -- Raised when the database was restored or moved, because a rewound or copied database assigns the same positions
  -- again.
  incarnation integer not null default 1 check (incarnation > 0),
  position bigint not null default 0 check (position >= 0)
);
insert into slabmend.journal_head default values;

-- The position of each follower of the journal: docs/journal.md. The journal keeps its rows until all followers have
-- processed them.
create table slabmend.followers (
  name text primary key check (length(name) <= 1100),
  -- The follower has processed all rows of the journal up to this position.
  position bigint not null check (position >= 0),
  -- Only for the archive: SHA-256 of the segment that ends at this position; null before the first segment.
  segment text check (segment ~ '^[0-9a-f]{64}$'),
  -- The incarnation of that segment's rows. The journal's present incarnation is higher if the database was restored or
  -- moved since then.
  incarnation integer,
  updated_at timestamptz not null,
  -- A stable code: why the follower stopped.
  stopped_by text check (length(stopped_by) <= 200),
  stopped_since timestamptz,
  check ((stopped_by is null) = (stopped_since is null)),
  check ((segment is null) = (incarnation is null))
);

-- Hourly sums of the journal (UTC): lib/database/journal/follow-totals.sql. A job is counted once for its outcome, once
-- for its error and once for each host.
create table slabmend.totals (
  dimension text not null check (dimension in ('outcome', 'cause', 'host')),
  hour timestamptz not null,
  kind text not null,
  -- The outcome; the stable code of an error or of the reason for dropping a move; or the host's public key in hex.
  name text not null,
  jobs bigint not null,
  -- Jobs that moved something.
  moving_jobs bigint not null,
  sectors_copied bigint not null,
  sectors_rebuilt bigint not null,
  -- Sectors moved away from this host.
  sectors_left bigint not null,
  sectors_lost bigint not null,
  sectors_dropped bigint not null,
  bytes_read bigint not null,
  bytes_written bigint not null,
  hastings numeric(60, 0) not null,
  worker_seconds double precision not null,
  primary key (dimension, hour, kind, name)
);

-- Denials (a host says that it does not have a sector, or that the sector is corrupt), and earlier locations of
-- sectors: one row per sector and host. Every writer of a row holds the lock of the sector. A row is deleted with its
-- sector, or when the host has served the whole sector.
create table slabmend.denials (
  sector_id bigint not null,
  host_id integer not null,
  root bytea not null check (octet_length(root) = 32),
  -- Values of the sector's row in indexd's table when the sector was denied: once one of them has changed, the denial
  -- is void.
  map_id integer,
  uploaded_at timestamptz not null,
  code text not null check (code in ('not-found', 'corrupt')),
  -- Consecutive denials, at least an hour apart, without a read of the whole sector in between. The third is final.
  denials smallint not null check (denials > 0),
  -- When a read of the whole sector was first denied; null: only reads of ranges were denied.
  whole_denied_at timestamptz,
  first_denied_at timestamptz not null,
  -- The last denial counted in `denials`.
  counted_at timestamptz not null,
  last_denied_at timestamptz not null,
  -- 'lost': the host is now an earlier location of the sector: after the denial, the sector was recorded as lost or
  -- moved to another host.
  state text not null check (state in ('open', 'lost')),
  primary key (sector_id, host_id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
create index denials_open_idx on slabmend.denials (sector_id) where state = 'open';
create index denials_host_idx on slabmend.denials (host_id, last_denied_at);
create index denials_denied_at_idx on slabmend.denials (last_denied_at);

-- Outbox: slabs whose objects' events have not been bumped yet. Commits only append rows, so that a commit never waits
-- for a flush; several rows of one slab lead to one bump.
create table slabmend.moved (
  id bigint generated always as identity primary key,
  slab_id bigint not null,
  digest bytea not null,
  moved_at timestamptz not null
);

create table slabmend.dead_letters (
  message_id text primary key check (length(message_id) <= 200),
  -- At most the first 16 KiB of the message; body_bytes is the size of the whole message.
  body text not null,
  body_bytes integer not null,
  cause text not null,
  slab_id bigint,
  token uuid,
  -- How often the queue has delivered the message, by the queue's own count.
  receive_count integer not null,
  times_seen integer not null default 1,
  sent_at timestamptz,
  first_seen timestamptz not null,
  last_seen timestamptz not null
);
create index dead_letters_last_seen_idx on slabmend.dead_letters (last_seen);

-- The positions of long scans.
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
  -- When a run of claim last ended without an error, and when a run of reap did (last-runs.ts).
  claimed_at timestamptz,
  reaped_at timestamptz,
  -- The number of changes to this row: a writer whose decision is based on an older revision writes nothing.
  revision bigint not null default 0,
  check ((mode = 'running') = (mode_owner is null) and (mode = 'running') = (mode_since is null)),
  check (not breaker_open or (backoff_from is not null and backoff_until is not null))
);
insert into slabmend.fleet (breaker_since) values (clock_timestamp());

-- One row: the state of this indexer's control loop (lib/lifecycle/state-machine.ts). The state that an operator
-- requested is stored elsewhere: it is the fleet's mode. The lease (holder, token, expires_at) identifies the only
-- process that may change this row.
create table slabmend.lifecycle (
  id smallint primary key default 0 check (id = 0),
  state text not null default 'initializing'
    check (state in ('initializing', 'running', 'stopping', 'stopped', 'repairing', 'deleting')),
  since timestamptz not null default clock_timestamp(),
  -- Consecutive failures of the state's step; trouble is the reason of the last failure: code, message and remedy.
  failures integer not null default 0 check (failures >= 0),
  trouble jsonb check ((trouble is null) = (failures = 0)),
  holder text check (length(holder) <= 200),
  token uuid,
  expires_at timestamptz,
  check ((holder is null) = (token is null) and (token is null) = (expires_at is null))
) with (fillfactor = 50);
insert into slabmend.lifecycle default values;

-- One row: the result of the last check of indexd's database (lib/database/indexd/version/verify-indexd.ts), for
-- writers.
create table slabmend.indexd (
  id smallint primary key default 0 check (id = 0),
  -- Null: not checked yet.
  db_version integer,
  -- The version whose rules apply to writes; null: nothing may be written.
  profile integer,
  verdict text,
  checked_at timestamptz,
  -- A copy of indexd's wallet hash, made by `init`: identifies the indexer, even if its database is a copy. Null:
  -- indexd had not started before `init` ran.
  wallet_hash bytea check (octet_length(wallet_hash) = 32)
);
insert into slabmend.indexd (id) values (0);

-- The backlog (docs/decisions/0011-leases-and-backlog.md): one row per slab that the walk found unhealthy.
create table slabmend.backlog (
  slab_id bigint primary key,
  -- The order of leasing: the loss probability, or 0 for a slab beyond rescue.
  urgency double precision not null check (urgency between 0 and 1),
  -- lib/placement/loss-probability.ts
  loss double precision not null check (loss between 0 and 1),
  -- Sectors on good hosts minus min_shards.
  margin smallint not null,
  -- {"lost": 2, "bad-contract": 1}: number of sectors by cause.
  causes jsonb not null,
  -- {"lost": 1700000000000.123}: since when each cause is known, in milliseconds since the epoch; a grace period starts
  -- then.
  since jsonb not null,
  -- When the slab became due, or when its last repair ended, whichever is later.
  waiting_since timestamptz not null,
  -- The slab may be leased now, as far as we know. Otherwise look_at says when to judge it again: when a grace period,
  -- a lease, or the wait for the next attempt ends. look_at is ignored while ready is true.
  ready boolean not null,
  look_at timestamptz not null
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
create index backlog_urgency_idx on slabmend.backlog (urgency desc, waiting_since, slab_id) where ready;
create index backlog_waiting_idx on slabmend.backlog (waiting_since, urgency desc) where ready;
create index backlog_look_at_idx on slabmend.backlog (look_at) where not ready;

-- The pass in which the walk of each cause last saw a slab: the marks of mark and sweep. This is a separate table, so
-- that the marks of one cause change without those of the others, and a pass does not rewrite unchanged rows of
-- backlog.
create table slabmend.marks (
  cause text not null,
  slab_id bigint not null,
  pass bigint not null,
  primary key (cause, slab_id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
create index marks_slab_id_idx on slabmend.marks (slab_id);

-- The position of each cause's walk. phase 'mark': over bad sectors, by sector id; then 'sweep': over the slabs that
-- this cause marked in an earlier pass but not in this one, by slab id.
create table slabmend.walks (
  cause text primary key,
  pass bigint not null default 1 check (pass > 0),
  phase text not null default 'mark' check (phase in ('mark', 'sweep')),
  position bigint not null default 0 check (position >= 0),
  -- One sector may belong to any number of slabs, so a page of the walk can end in the middle of a sector's slabs. Of
  -- the first sector after `position` the slabs up to this id are done; 0: none of them.
  slab_position bigint not null default 0 check (slab_position >= 0),
  pass_started_at timestamptz not null,
  -- When the last complete pass ended; null: there was none yet.
  finished_at timestamptz,
  pass_ms double precision
);

-- Workers' measurements of hosts, as decaying sums: lib/database/fleet/host-scores.ts. No foreign key; the row of a
-- deleted host decays to zero.
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
  -- The sums have decayed up to this time.
  faded_at timestamptz not null
) with (fillfactor = 50);

-- Which budget limit stops claims, for metrics and status: lib/database/fleet/budget.ts. One row.
create table slabmend.budget (
  id smallint primary key default 0 check (id = 0),
  limits jsonb not null default '{}',
  spent jsonb not null default '{}',
  stopped_by text[] not null default '{}',
  stopped_since timestamptz,
  checked_at timestamptz
);
insert into slabmend.budget default values;

-- Which commands work for this database: a row for each running `work` and `serve`, updated by its heartbeat
-- (lib/database/fleet/workers.ts). The row is deleted when the command ends. After a crash it stays for a day, and
-- seen_at shows that the command no longer updates it.
create table slabmend.workers (
  id uuid primary key,
  command text not null check (command in ('work', 'serve')),
  host text not null check (length(host) <= 200),
  pid integer not null,
  -- The maximum number of repairs in parallel, and the number of repairs in progress.
  concurrency integer not null check (concurrency > 0),
  running integer not null check (running >= 0),
  state text not null check (state in ('working', 'draining')),
  -- A stable code of the problem that keeps the command from working; null: none.
  trouble text check (length(trouble) <= 200),
  started_at timestamptz not null,
  seen_at timestamptz not null
) with (fillfactor = 50);

-- Maintenance runs: lib/database/runs. At most one run is unfinished. The lease (coordinator, token, expires_at)
-- identifies the process that executes the run; when the lease has ended, another process continues from the last
-- stored `checkpoint`.
create table slabmend.runs (
  id bigint generated always as identity primary key,
  kind text not null check (kind ~ '^[a-z-]{1,40}$'),
  -- The operator's request, in the form that the run's kind expects.
  scope jsonb not null,
  state text not null default 'running'
    check (state in ('running', 'paused', 'cancelling', 'done', 'cancelled', 'failed')),
  checkpoint jsonb not null default '{}',
  statistics jsonb not null default '{}',
  -- Only for a failed run: code, message and remedy.
  error jsonb check ((error is not null) = (state = 'failed')),
  owner text not null,
  started_at timestamptz not null default clock_timestamp(),
  -- When a coordinator last saved a step, or an operator made a request.
  moved_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz check ((finished_at is not null) = (state in ('done', 'cancelled', 'failed'))),
  coordinator text,
  token uuid,
  expires_at timestamptz,
  check ((coordinator is null) = (token is null) and (token is null) = (expires_at is null))
);
create unique index runs_one_unfinished on slabmend.runs ((true)) where finished_at is null;
create index runs_finished_idx on slabmend.runs (finished_at) where finished_at is not null;

-- Due checks (lib/jobs/verify/due-checks.ts): sums per hour (UTC).
create table slabmend.checks (
  hour timestamptz primary key,
  confirmed bigint not null,
  denied bigint not null,
  -- Checks whose sector indexd has checked or moved meanwhile.
  superseded bigint not null,
  wrong_data bigint not null,
  unanswered bigint not null,
  hastings numeric(60, 0) not null
) with (fillfactor = 50);

-- Hosts that answered none of the requests of a batch of due checks, and until when they are left alone. The row of a
-- host is deleted when the host next answers.
create table slabmend.silent_hosts (
  host_id integer primary key,
  -- How many batches in a row the host left unanswered.
  batches smallint not null check (batches > 0),
  until timestamptz not null
);

-- After a restore: while this row exists, reap keeps indexd from pruning. An operator's release deletes it.
create table slabmend.prune_hold (
  id smallint primary key default 0 check (id = 0),
  held_since timestamptz not null,
  -- When the contracts' next prune was last postponed.
  applied_at timestamptz not null,
  -- The archives' followers at the first restore, {name: {"incarnation", "position"}}: a later restore reads the
  -- archive from these positions again, because reap may have archived further rows since then.
  archived jsonb not null
);

-- During a restore: the archive's moves of sectors since the backup. Only the archive's last row for a root counts.
create table slabmend.restored_moves (
  root bytea primary key,
  slab_digest bytea not null,
  -- Null: the sector was lost.
  host_key bytea
);
create index restored_moves_slab_idx on slabmend.restored_moves (slab_digest);

-- When a lease ends, in any way, its slab is judged again immediately: this is scheduled in the same transaction, so
-- that no crash prevents it. This is a trigger, because leases are ended in five places. Entries are locked by
-- ascending slab id: docs/architecture.md#locks.
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
