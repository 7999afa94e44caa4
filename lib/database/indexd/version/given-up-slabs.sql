-- Which of these slabs indexd has given up and we leave alone too.
--
--   22  none: indexd tries for ever
--   23  those with the flag: a rebuilt shard does not match its pinned root, so no repair completes the slab
--   26  those with a reason, whether for that (unrecoverable_since is the epoch) or because fewer than min_shards sectors
--       had a host for 30 days. Of the latter, slabs whose sectors have hosts again are not left alone: indexd will not look
--       at them, but we read from blocked hosts too, and a repair takes the mark away.
--
-- plpgsql plans a statement when it is first run, so the branches may name columns that other versions lack. Before the
-- role has the right to read a column that came with an upgrade, nothing counts as given up: a repair too many is harmless.
create or replace function slabmend.given_up_slabs(slab_ids bigint[]) returns setof bigint
language plpgsql stable
as $function$
declare
  profile constant integer := (select i.profile from slabmend.indexd i);
begin
  if profile = 23 and has_column_privilege('public.slabs', 'unrecoverable', 'select') then
    return query select s.id from public.slabs s where s.id = any (slab_ids) and s.unrecoverable;
  elsif profile = 26 and has_column_privilege('public.slabs', 'unrecoverable_reason', 'select')
    and has_column_privilege('public.slabs', 'unrecoverable_since', 'select') then
    return query
      select s.id from public.slabs s
      where s.id = any (slab_ids) and s.unrecoverable_reason is not null
        and (s.unrecoverable_since = 'epoch' or s.min_shards > (
          select count(x.host_id) from public.slab_sectors ss join public.sectors x on x.id = ss.sector_id
          where ss.slab_id = s.id));
  end if;
end
$function$;
