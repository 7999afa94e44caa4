-- The follower `totals`: adds the next rows of the journal, at most `most` rows, to slabmend.totals, and returns how
-- many rows it added. Sums and checkpoint change in one transaction, so a crash counts no row twice. The follower must
-- have joined (join_journal).
--
-- Locks: the follower's row in followers, then totals in the order of their key. Reads the journal by
-- journal_position_idx.
create or replace function slabmend.follow_totals(most integer) returns integer
language plpgsql volatile
as $function$
declare
  passed bigint;
  last bigint;
  added integer;
begin
  select f.position into passed from slabmend.followers f where f.name = 'totals'
  order by f.name for no key update;
  select max(b.position), count(*) into last, added
  from (select j.position from slabmend.journal j where j.position > passed order by j.position limit most) b;
  if added = 0 then
    return 0;
  end if;

  insert into slabmend.totals as t (dimension, hour, kind, name, jobs, moving_jobs, sectors_copied, sectors_rebuilt,
    sectors_left, sectors_lost, sectors_dropped, bytes_read, bytes_written, hastings, worker_seconds)
  with job as materialized (
    select j.position, date_trunc('hour', j.finished_at, 'UTC') as hour, j.kind, j.outcome, j.error, j.moves, j.lost,
      j.dropped, j.bytes_read, j.bytes_written, j.hastings, (j.moves <> '[]')::integer as moving,
      extract(epoch from j.finished_at - j.began_at)::double precision as seconds,
      jsonb_array_length(jsonb_path_query_array(j.moves, '$[*] ? (@.how == "copied")')) as copied,
      jsonb_array_length(jsonb_path_query_array(j.moves, '$[*] ? (@.how == "rebuilt")')) as rebuilt,
      jsonb_array_length(jsonb_path_query_array(j.moves, '$[*] ? (@.from != null)')) as moved_away
    from slabmend.journal j
    where j.position > passed and j.position <= last
  ), part (position, hour, kind, dimension, name, moving, copied, rebuilt, moved_away, lost, dropped, bytes_read,
      bytes_written, hastings, seconds) as (
    select j.position, j.hour, j.kind, d.dimension, d.name, j.moving, j.copied, j.rebuilt, j.moved_away,
      jsonb_array_length(j.lost), jsonb_array_length(j.dropped), j.bytes_read, j.bytes_written, j.hastings, j.seconds
    from job j
    cross join lateral (values ('outcome', j.outcome), ('cause', j.error)) as d (dimension, name)
    union all
    select j.position, j.hour, j.kind, 'cause', d->>'why', 0, 0, 0, 0, 0, 1, 0, 0, 0, 0
    from job j cross join lateral jsonb_array_elements(j.dropped) d
    union all
    select j.position, j.hour, j.kind, 'host', m->>'to', 1, (m->>'how' is not distinct from 'copied')::integer,
      (m->>'how' is not distinct from 'rebuilt')::integer, 0, 0, 0, 0, 0, 0, 0
    from job j cross join lateral jsonb_array_elements(j.moves) m
    union all
    select j.position, j.hour, j.kind, 'host', m->>'from', 1, 0, 0, 1, 0, 0, 0, 0, 0, 0
    from job j cross join lateral jsonb_array_elements(j.moves) m
    union all
    select j.position, j.hour, j.kind, 'host', l->>'host', 0, 0, 0, 0, 1, 0, 0, 0, 0, 0
    from job j cross join lateral jsonb_array_elements(j.lost) l
  )
  select p.dimension, p.hour, p.kind, p.name, count(distinct p.position), count(distinct p.position) filter (where p.moving = 1),
    sum(p.copied), sum(p.rebuilt), sum(p.moved_away), sum(p.lost), sum(p.dropped), sum(p.bytes_read), sum(p.bytes_written),
    sum(p.hastings), sum(p.seconds)
  from part p
  where p.name is not null
  group by p.dimension, p.hour, p.kind, p.name
  order by p.dimension, p.hour, p.kind, p.name
  on conflict (dimension, hour, kind, name) do update set
    jobs = t.jobs + excluded.jobs,
    moving_jobs = t.moving_jobs + excluded.moving_jobs,
    sectors_copied = t.sectors_copied + excluded.sectors_copied,
    sectors_rebuilt = t.sectors_rebuilt + excluded.sectors_rebuilt,
    sectors_left = t.sectors_left + excluded.sectors_left,
    sectors_lost = t.sectors_lost + excluded.sectors_lost,
    sectors_dropped = t.sectors_dropped + excluded.sectors_dropped,
    bytes_read = t.bytes_read + excluded.bytes_read,
    bytes_written = t.bytes_written + excluded.bytes_written,
    hastings = t.hastings + excluded.hastings,
    worker_seconds = t.worker_seconds + excluded.worker_seconds;

  update slabmend.followers set position = last, updated_at = clock_timestamp() where name = 'totals';
  return added;
end
$function$;
