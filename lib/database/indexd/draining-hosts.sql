-- The hosts that are being drained: named by a maintenance run of kind drain that has neither ended nor been cancelled.
-- This is the only definition of "being drained"; see docs/maintenance.md#drain.
--
--   is_paused   no slab is leased for the drain, and no repair plans moves for it; moves in progress are still recorded
--
-- Inlined into its caller, like host_states. Indexes: runs_one_unfinished (at most one run is unfinished), hosts by
-- public key.
create or replace function slabmend.draining_hosts()
returns table (host_id integer, is_paused boolean)
language sql stable
as $$
  select h.id, r.state = 'paused'
  from slabmend.runs r
  cross join lateral jsonb_array_elements_text(r.scope->'hosts') k (host_key)
  cross join lateral (
    select x.id from public.hosts x where x.public_key = decode(k.host_key, 'hex') offset 0
  ) h
  where r.finished_at is null and r.kind = 'drain' and r.state in ('running', 'paused')
$$;
