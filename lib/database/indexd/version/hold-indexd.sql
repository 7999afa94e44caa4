-- First call of every writer of indexd's tables: from here to the end of the transaction none of these tables can be
-- altered, and the answer is the version by which to write (lib/database/indexd/version/profiles.ts).
--
-- Raises SM001 when db_version is not the one that was verified last, SM002 when that one must not be written to: nothing is
-- written in this transaction. With may_be_refused null instead of SM002.
--
-- An update of no row takes the lock that an update takes. An upgrade of indexd alters tables under a lock that excludes
-- it, so either we wait until it has committed, or it waits for us. The version is read in a later statement, which in READ
-- COMMITTED sees what was committed before the lock was granted. A version read first would be that of before the wait.
-- `lock table` would need a right on the whole table; this needs the rights on columns that the writer needs anyway.
--
-- Locks: the tables in their order below, then global_settings as any reader; indexd's upgrades alter a table before
-- global_settings too. No row is locked.
create or replace function slabmend.hold_indexd(tables text[], may_be_refused boolean default false) returns integer
language plpgsql volatile
as $function$
declare
  found_version integer;
  verified record;
begin
  if 'slabs' = any (tables) then
    update public.slabs set next_repair_attempt = next_repair_attempt where false;
  end if;
  if 'sectors' = any (tables) then
    update public.sectors set host_id = host_id where false;
  end if;
  if 'hosts' = any (tables) then
    update public.hosts set unpinned_sectors = unpinned_sectors where false;
  end if;
  if 'contracts' = any (tables) then
    update public.contracts set next_prune = next_prune where false;
  end if;
  if 'contract_sectors_map' = any (tables) then
    update public.contract_sectors_map set contract_id = contract_id where false;
  end if;
  if 'stats_deltas' = any (tables) then
    insert into public.stats_deltas (stat_name, stat_delta) select '', 0 where false;
  end if;
  if 'object_events' = any (tables) then
    update public.object_events set updated_at = null where false;
  end if;

  select g.db_version into found_version from public.global_settings g where g.id = 0;
  select i.db_version, i.profile into verified from slabmend.indexd i;
  if found_version is distinct from verified.db_version then
    raise exception 'indexd''s database is at version %, and was verified at version %',
      coalesce(found_version::text, 'none'), coalesce(verified.db_version::text, 'none') using errcode = 'SM001';
  elsif verified.profile is null and not may_be_refused then
    raise exception 'indexd''s database (version %) must not be written to', found_version using errcode = 'SM002';
  end if;
  return verified.profile;
end
$function$;
