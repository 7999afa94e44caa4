-- Registers a new follower just before the oldest row that has a position, or at the end of the stream if no row has
-- one. Returns the follower's checkpoint. A follower that is already registered is not changed.
--
-- Locks: journal_head, so that the oldest row is not deleted before the new checkpoint protects it; then followers.
create or replace function slabmend.join_journal(follower text) returns bigint
language plpgsql volatile
as $function$
declare
  checkpoint bigint;
begin
  select f.position into checkpoint from slabmend.followers f where f.name = follower;
  if found then
    return checkpoint;
  end if;
  perform from slabmend.journal_head h where h.id = 0 for no key update;
  insert into slabmend.followers (name, position, updated_at)
  select follower, coalesce((select min(j.position) - 1 from slabmend.journal j where j.position is not null), h.position),
    clock_timestamp()
  from slabmend.journal_head h
  on conflict (name) do nothing;
  select f.position into checkpoint from slabmend.followers f where f.name = follower;
  return checkpoint;
end
$function$;
