-- Whether and when these slabs may be leased: the only definition of "may be leased". A slab may be leased if it is not
-- leased, dying or given up, and free_at has passed; for an endangered slab endangered_free_at counts instead.
--
--   dying               the slab is queued for deletion, and no account and no object refers to it
--   given_up            indexd has marked the slab as unrecoverable, and we cannot rescue it either (given_up_slabs)
--   quarantined_until   null: not in quarantine
--   indexd_until        the slab's next_repair_attempt plus indexd's grace; null if slabmend wrote next_repair_attempt:
--                       then indexd has not claimed the slab since that write
--   free_at             the latest of: quarantined_until; the end of the lease; indexd_until or, if that is null, the
--                       next_repair_attempt that slabmend wrote
--   endangered_free_at  as free_at, but without the hold after a successful repair, and without the backoff after a
--                       repair for a drain. The hold only keeps indexd from repairing the slab again; it must not delay
--                       a repair that became urgent after the hold began. A sector that could not be moved off a
--                       draining host is no reason to delay an endangered slab.
--
-- A deleted slab has no row in the result. Reads slabs, leases and repairs by primary key, account_slabs by
-- account_slabs_slab_id_idx, object_slabs by object_slabs_slab_digest_idx. All of slab_deletion_queue, which indexd
-- empties every minute, is read only if no account and no object refers to one of the slabs. The lateral subqueries
-- enforce this plan: a plain join, planned while there are few leases, would later read all leases for each slab.
create or replace function slabmend.lease_standing(slab_ids bigint[], grace interval)
returns table (slab_id bigint, digest bytea, min_shards smallint, leased boolean, dying boolean, given_up boolean,
  quarantined_until timestamptz, indexd_until timestamptz, free_at timestamptz, endangered_free_at timestamptz)
language sql stable
as $$
  select s.id, s.digest, s.min_shards, l.slab_id is not null,
    s.id not in (select a.slab_id from public.account_slabs a where a.slab_id = any (slab_ids))
      and not exists (select from public.object_slabs o where o.slab_digest = s.digest)
      and s.id in (select q.slab_id from public.slab_deletion_queue q),
    exists (select from slabmend.given_up_slabs(array[s.id])),
    r.quarantined_until,
    n.indexd_until,
    greatest(coalesce(n.indexd_until, s.next_repair_attempt), r.quarantined_until, l.expires_at),
    greatest(case when not n.held_lightly then coalesce(n.indexd_until, s.next_repair_attempt) end,
      r.quarantined_until, l.expires_at, to_timestamp(0))
  from (
    -- The columns are listed, because workers have no privilege to read the other columns of slabs.
    select x.id, x.digest, x.min_shards, x.next_repair_attempt from public.slabs x where x.id = any (slab_ids) offset 0
  ) s
  left join lateral (
    select x.next_repair_attempt, x.quarantined_until, x.last_outcome, x.setbacks, x.kind
    from slabmend.repairs x where x.slab_id = s.id offset 0
  ) r on true
  left join lateral (
    select x.slab_id, x.expires_at from slabmend.leases x where x.slab_id = s.id offset 0
  ) l on true
  cross join lateral (
    select
      case when s.next_repair_attempt is distinct from r.next_repair_attempt then s.next_repair_attempt + grace end as indexd_until,
      coalesce(s.next_repair_attempt = r.next_repair_attempt
        and (r.kind = 'drain' or (r.last_outcome in ('repaired', 'healthy') and r.setbacks = 0)), false) as held_lightly
  ) n
$$;
