-- Gives at most `most` committed journal rows their positions in the stream, and returns how many rows got a position.
-- Positions are 1, 2, 3, ... without gaps, and each call gives them in the order of the rows' ids. A row that commits
-- late gets a later position, so a follower never misses a row. A rolled-back transaction leaves no gap.
--
-- Locks: the row of journal_head first, so that only one sequencer works at a time. A second sequencer waits, then sees
-- in its next statement (READ COMMITTED) what the first has committed, and continues after it. Then rows of the
-- journal, which nothing else updates. Finds the rows without a position by journal_unsequenced_idx.
create or replace function slabmend.sequence_journal(most integer) returns integer
language plpgsql volatile
as $function$
declare
  head slabmend.journal_head;
  given integer;
begin
  select h.* into head from slabmend.journal_head h where h.id = 0 for no key update;
  with next as materialized (
    select j.id, row_number() over (order by j.id) as place
    from (select u.id from slabmend.journal u where u.position is null order by u.id limit most) j
  ), placed as (
    update slabmend.journal j set incarnation = head.incarnation, position = head.position + n.place
    from next n where j.id = n.id
    returning 1
  )
  select count(*) into given from placed;
  if given > 0 then
    update slabmend.journal_head set position = head.position + given where id = 0;
  end if;
  return given;
end
$function$;
