-- Where these slabs stand as regards leasing: the one definition of "may be leased". A slab may be leased if it is neither
-- leased nor dying nor given up and free_at has passed; an endangered one if endangered_free_at has.
--
--   dying               queued for deletion, and neither an account nor an object holds it
--   given_up            indexd has marked it as unrecoverable, and we cannot rescue it either (given_up_slabs)
--   quarantined_until   null: not in quarantine
--   indexd_until        its next_repair_attempt plus indexd's grace; null if that value is ours, so that indexd has no claim on it
--   free_at             the latest of quarantine, indexd's grace or our next attempt, and the lease
--   endangered_free_at  the same without the hold that a successful repair leaves, or a repair for a drain. The hold only keeps
--                       indexd from repairing the slab once more; what has endangered the slab happened since. And that a sector
--                       could not be taken off a draining host keeps an endangered slab from nothing.
--
-- A slab that is gone has no row. Reads slabs, leases and repairs by primary key, account_slabs by account_slabs_slab_id_idx,
-- object_slabs by object_slabs_slab_digest_idx; slab_deletion_queue, which indexd empties every minute, as a whole and only for
-- slabs that no account and no object holds. The laterals pin this down: a join planned while there are few leases would read all of
-- them for each slab later.
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
    -- Column by column: workers may read no others.
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
