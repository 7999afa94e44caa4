-- Every writer of indexd's tables calls this first: from here to the end of the transaction none of the given tables
-- can be altered. Returns the version whose rules apply to writes (lib/database/indexd/version/profiles.ts).
--
-- Raises SM001 if db_version is not the version last verified, SM002 if that version must not be written to. In both
-- cases this transaction has written nothing yet. With may_be_refused, returns null instead of raising SM002.
--
-- Each table is locked by an UPDATE that matches no row: it takes the same table lock as any other UPDATE. An upgrade
-- of indexd alters tables under a lock that conflicts with this one, so either we wait until the upgrade has committed,
-- or the upgrade waits for us. The version is read in a statement after the lock was granted, because a version read
-- before could be out of date: in READ COMMITTED the later statement sees everything that was committed before. `lock
-- table` would need a privilege on the whole table; the UPDATE needs only the column privileges that the writer needs
-- anyway.
--
-- Locks: the tables in the order below, then global_settings as any reader does. indexd's upgrades also alter the other
-- tables before global_settings, so no deadlock arises. No row is locked.
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
