-- Which of these slabs may be leased at the given moment: docs/protocol.md, Selecting unhealthy slabs. Not leased, not quarantined, not really
-- being deleted, past its next_repair_attempt, and past the grace that we leave to indexd unless we wrote that value.
--
-- Inlined into its caller, so it sees what the caller's statement sees: claim_page asks once to choose and once more,
-- in a new statement, when it holds the locks.
--
-- Reads slabs, leases and repairs by primary key, account_slabs by account_slabs_slab_id_idx, object_slabs by
-- object_slabs_slab_digest_idx. slab_deletion_queue has no index on slab_id: it is read once, hashed, and only if some
-- slab is held by nobody; indexd empties it every minute.
create or replace function slabmend.claimable_slabs(slab_ids bigint[], at_moment timestamptz, grace interval)
returns table (slab_id bigint, digest bytea, min_shards smallint)
language sql stable
as $$
  select s.id, s.digest, s.min_shards
  from public.slabs s
  left join slabmend.repairs r on r.slab_id = s.id
  where s.id = any (slab_ids)
    and s.next_repair_attempt < at_moment
    and (s.next_repair_attempt <= at_moment - grace or s.next_repair_attempt = r.next_repair_attempt)
    and (r.quarantined_until is null or r.quarantined_until <= at_moment)
    and not exists (select from slabmend.leases l where l.slab_id = s.id)
    and (
      exists (select from public.account_slabs a where a.slab_id = s.id)
      or exists (select from public.object_slabs o where o.slab_digest = s.digest)
      or s.id not in (select q.slab_id from public.slab_deletion_queue q)
    )
$$;
