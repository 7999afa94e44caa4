-- The work done since the beginning of an hour: the hourly totals, plus the journal rows that are not yet in the
-- totals. A stable function reads everything in its caller's snapshot, so no row is missed or counted twice, even if
-- the totals are far behind.
--
-- Planned at each call for the actual values, because a generic plan would read the whole journal. The rows not yet in
-- the totals are read by journal_position_idx or, if they are many, by journal_finished_at_idx; rows without a position
-- are read by journal_unsequenced_idx.
create or replace function slabmend.work_since(since timestamptz,
  out jobs bigint, out moving_jobs bigint, out sectors_copied bigint, out sectors_rebuilt bigint, out bytes_read numeric,
  out bytes_written numeric, out hastings numeric, out worker_seconds double precision)
language plpgsql stable
set plan_cache_mode = force_custom_plan
as $function$
declare
  passed bigint := coalesce((select f.position from slabmend.followers f where f.name = 'totals'), 0);
begin
  select coalesce(sum(s.jobs), 0), coalesce(sum(s.moving), 0), coalesce(sum(s.copied), 0), coalesce(sum(s.rebuilt), 0),
    coalesce(sum(s.read), 0), coalesce(sum(s.written), 0), coalesce(sum(s.hastings), 0), coalesce(sum(s.seconds), 0)
  into jobs, moving_jobs, sectors_copied, sectors_rebuilt, bytes_read, bytes_written, hastings, worker_seconds
  from (
    select t.jobs, t.moving_jobs as moving, t.sectors_copied as copied, t.sectors_rebuilt as rebuilt,
      t.bytes_read as read, t.bytes_written as written, t.hastings, t.worker_seconds as seconds
    from slabmend.totals t
    where t.dimension = 'outcome' and t.hour >= since
    union all
    select 1, (b.moves <> '[]')::integer,
      jsonb_array_length(jsonb_path_query_array(b.moves, '$[*] ? (@.how == "copied")')),
      jsonb_array_length(jsonb_path_query_array(b.moves, '$[*] ? (@.how == "rebuilt")')),
      b.bytes_read, b.bytes_written, b.hastings, extract(epoch from b.finished_at - b.began_at)::double precision
    from (
      select j.* from slabmend.journal j where j.position > passed and j.finished_at >= since
      union all
      select j.* from slabmend.journal j where j.position is null and j.finished_at >= since
    ) b
  ) s;
end
$function$;
