-- Which of these slabs indexd has given up and we do not repair either, by the version of indexd's database:
--
--   22  none: indexd tries forever
--   23  slabs that indexd has flagged: a rebuilt shard does not match its pinned root, so no repair completes the slab
--   26  slabs with an unrecoverable_reason. Either the reason is that of version 23 (then unrecoverable_since is the
--       epoch), or for 30 days fewer than min_shards sectors had a host. In the second case the slab no longer counts
--       as given up once enough sectors have hosts again: indexd still skips it, but we repair it, because we also read
--       from blocked hosts, and the repair removes the mark.
--
-- plpgsql plans a statement when it first runs, so each branch may name columns that exist only in its version. Until
-- the role may read a column that an upgrade added, no slab counts as given up: an unnecessary repair is harmless.
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
