-- The slab indices that still have to move after a commit's moves were recorded, derived from the indices that had to
-- move before.
--
--   needed   rows of sectors_to_move as jsonb: read under the locks of lock_for_commit, after this commit's denials and
--            before its moves were recorded
--   decided  the rows of judge_moves
--
-- Calling sectors_to_move again would take as long as its first call, and is rarely needed. A commit only removes
-- reasons to move: a moved sector is the slab's only sector on its new host (rule 4 of
-- docs/architecture.md#what-must-always-hold) and pinned to no contract, so a sector that could stay before can still
-- stay. So sectors_to_move is called again only if the reason why a remaining sector has to move depends on other
-- sectors or on a contract, or if a sector moved to a host that is not good.
create or replace function slabmend.sectors_left(the_slab bigint, needed jsonb, decided jsonb) returns integer[]
language plpgsql volatile
as $function$
declare
  remaining integer[];
  is_certain boolean;
begin
  if jsonb_array_length(needed) = 0 and jsonb_array_length(decided) = 0 then return '{}'; end if;
  with moved as (
    select d.slab_index, d.host_good
    from jsonb_to_recordset(decided) as d (slab_index integer, host_good boolean, why text) where d.why is null
  )
  select coalesce(array_agg(n.slab_index), '{}'),
    coalesce(bool_and(n.reason in ('lost', 'denied', 'bad-host')), true) and not exists (
      select from moved where moved.host_good is not true)
  into remaining, is_certain
  from jsonb_to_recordset(needed) as n (slab_index integer, reason text)
  where n.slab_index not in (select moved.slab_index from moved);
  if not is_certain then
    remaining := array(select m.slab_index from slabmend.sectors_to_move(array[the_slab]) m);
  end if;
  return remaining;
end
$function$;
