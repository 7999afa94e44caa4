-- Deletes journal rows that every follower has processed and whose repair ended before `ended_before`. Also deletes
-- hourly totals of hosts from before that time; all other totals are kept, because they are only some ten rows an hour.
-- Deletes at most `most` journal rows and `most` totals, and returns the number of deleted journal rows.
--
-- Reads the oldest rows by journal_position_idx, so the cost of a call does not depend on how many rows are kept.
-- Locks: journal_head, so that no follower joins meanwhile; then the deleted rows, which nothing else writes.
create or replace function slabmend.forget_journal(ended_before timestamptz, most integer) returns integer
language plpgsql volatile
as $function$
declare
  passed bigint;
  forgotten integer;
begin
  perform from slabmend.journal_head h where h.id = 0 for no key update;
  select min(f.position) into passed from slabmend.followers f;
  delete from slabmend.journal j
  using (
    select o.id, o.finished_at from slabmend.journal o where o.position <= passed order by o.position limit most
  ) oldest
  where j.id = oldest.id and oldest.finished_at < ended_before;
  get diagnostics forgotten = row_count;

  delete from slabmend.totals t
  using (
    select o.dimension, o.hour, o.kind, o.name from slabmend.totals o
    where o.dimension = 'host' and o.hour < ended_before
    order by o.hour limit most
  ) oldest
  where (t.dimension, t.hour, t.kind, t.name) = (oldest.dimension, oldest.hour, oldest.kind, oldest.name);
  return forgotten;
end
$function$;
