-- The backlog: docs/facts/backlog.md. Which slabs are unhealthy, how urgent each is, and when it may be taken up.

-- One row a slab that the walk found unhealthy. ready: it may be leased now, as far as we know. Otherwise look_at says when
-- to look again: a grace that ends, a next attempt, a lease that is over.
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
  -- {"lost": 1700000000000.123}: since when a cause is known, milliseconds of the epoch; what a grace counts from.
  since jsonb not null,
  -- The sectors that causes counts: looked at again on leasing.
  bad_sectors bigint[] not null,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  -- Since when it is due.
  waiting_since timestamptz not null,
  ready boolean not null,
  look_at timestamptz not null
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
create index backlog_urgency_idx on slabmend.backlog (urgency desc, waiting_since, slab_id) where ready;
create index backlog_waiting_idx on slabmend.backlog (waiting_since, slab_id) where ready;
create index backlog_look_at_idx on slabmend.backlog (look_at) where not ready;

-- Which pass of which cause's walk saw a slab last. A table of its own, so that a cause can come or go without touching
-- what others saw, and a pass rewrites no row of backlog that has not changed.
create table slabmend.sightings (
  cause text not null,
  slab_id bigint not null,
  generation bigint not null,
  primary key (cause, slab_id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
create index sightings_slab_id_idx on slabmend.sightings (slab_id);

-- Where the walk of each cause stands. phase: 'sectors', by sector id over bad ones; then 'healing', by slab id over
-- what this cause saw before but not in this pass.
create table slabmend.walks (
  cause text primary key,
  generation bigint not null default 1 check (generation > 0),
  phase text not null default 'sectors' check (phase in ('sectors', 'healing')),
  position bigint not null default 0 check (position >= 0),
  pass_started_at timestamptz not null,
  -- Of the last complete pass; null: there was none yet.
  finished_at timestamptz,
  pass_ms double precision
);

-- What workers measured of hosts, summed up and fading: lib/database/fleet/host-scores.ts. No foreign key; a row of a host that
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

-- When a lease ends, however it does, its slab is looked at again at once. In the same transaction, so that no crash
-- comes between; here, because five places end leases. It waits at most for a batch of the walk or a claim.
create function slabmend.look_again_when_leases_end() returns trigger
language plpgsql
as $function$
begin
  update slabmend.backlog b set look_at = clock_timestamp()
  from (select e.slab_id from ended e order by e.slab_id) e
  where b.slab_id = e.slab_id and not b.ready;
  return null;
end
$function$;
create trigger leases_ended after delete on slabmend.leases
referencing old table as ended
for each statement execute function slabmend.look_again_when_leases_end();
