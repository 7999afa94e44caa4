-- Adds to indexd's statistics what record_lost and record_moves have recorded: one row for each statistic that changes.
-- indexd itself writes a row for each sector and statistic; the sums are the same.
create or replace function slabmend.count_moves(moved bigint, were_pinned bigint, were_lost bigint, lost_pinned bigint,
  lost_unpinned bigint, lost_counted bigint)
returns void
language plpgsql volatile
as $function$
begin
  insert into public.stats_deltas (stat_name, stat_delta)
  select d.name, d.delta
  from (values
    ('num_migrated_sectors', moved),
    ('num_unpinned_sectors', were_pinned + were_lost - lost_unpinned),
    ('num_unpinnable_sectors', lost_pinned + lost_unpinned - were_lost),
    ('num_pinned_sectors', - were_pinned - lost_pinned),
    ('num_sectors_lost', lost_counted)
  ) as d (name, delta)
  where d.delta <> 0;
end
$function$;
