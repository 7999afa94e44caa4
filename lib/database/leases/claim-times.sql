-- From when on these slabs may be leased, if nothing changes: docs/protocol.md, Selecting unhealthy slabs. A slab may be
-- leased when free_at has passed, it is not leased and not dying (really being deleted). Missing: the slab is gone.
--
-- Reads everything by primary key, account_slabs by account_slabs_slab_id_idx, object_slabs by its digest index; slabs and account_slabs once for all ids. A leased slab is free when its
-- lease expires, or sooner. The laterals pin the indexes down: planned while few leases exist, a join would read all of them for each
-- slab ever after.
create or replace function slabmend.claim_times(slab_ids bigint[], grace interval)
returns table (slab_id bigint, digest bytea, min_shards smallint, free_at timestamptz, leased boolean, dying boolean)
language sql stable
as $$
  select s.id, s.digest, s.min_shards,
    greatest(
      case when s.next_repair_attempt = r.next_repair_attempt then s.next_repair_attempt
        else s.next_repair_attempt + grace end,
      r.quarantined_until,
      l.expires_at),
    l.slab_id is not null,
    s.id not in (select a.slab_id from public.account_slabs a where a.slab_id = any (slab_ids))
      and not exists (select from public.object_slabs o where o.slab_digest = s.digest)
      and s.id in (select q.slab_id from public.slab_deletion_queue q)
  from (
    -- Column by column: workers may read no others.
    select x.id, x.digest, x.min_shards, x.next_repair_attempt from public.slabs x where x.id = any (slab_ids) offset 0
  ) s
  left join lateral (
    select x.next_repair_attempt, x.quarantined_until from slabmend.repairs x where x.slab_id = s.id offset 0
  ) r on true
  left join lateral (
    select x.slab_id, x.expires_at from slabmend.leases x where x.slab_id = s.id offset 0
  ) l on true
$$;
