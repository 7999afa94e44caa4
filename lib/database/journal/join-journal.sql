-- Registers a new follower at the oldest row that has a position, or at the end of the stream if there is none. Returns its
-- checkpoint; if it was registered already, its present one.
--
-- Locks: journal_head, so that no row is deleted between this read and the checkpoint that protects it; then followers.
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
