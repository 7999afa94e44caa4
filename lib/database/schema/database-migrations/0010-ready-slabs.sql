-- What leasing takes from: docs/decisions/0420. A narrow row for each slab that may be leased now, as far as we know, deleted when
-- it is leased: an entry of the backlog is wide, and changing one moved it in all its indexes.
-- On a fleet that works: in the order in which everybody takes them, and before what is ready is read. A walk that was waiting for this goes
-- on with its old text once, and its slabs are ready from the next pass on.
lock table slabmend.leases, slabmend.backlog in access exclusive mode;

create table slabmend.ready_slabs (
  slab_id bigint primary key,
  -- These three as in backlog.
  urgency double precision not null check (urgency between 0 and 1),
  waiting_since timestamptz not null,
  margin smallint not null,
  -- Looked at again on leasing: the first of backlog's bad_sectors; 0, which is no sector: all of them.
  first_bad_sector bigint not null
)
-- A batch deletes from as many pages as it leases slabs, and a page that is changed for the first time after a checkpoint goes into the
-- log as far as it is filled.
with (fillfactor = 25, autovacuum_vacuum_scale_factor = 0.02);
insert into slabmend.ready_slabs (slab_id, urgency, waiting_since, margin, first_bad_sector)
select b.slab_id, b.urgency, b.waiting_since, b.margin, coalesce(b.bad_sectors[1], 0)
from slabmend.backlog b where b.ready
order by b.slab_id;
create index ready_slabs_urgency_idx on slabmend.ready_slabs (urgency desc, waiting_since, slab_id);
-- Who has waited for long has a share of the leases; slabs beyond rescue one of their own.
create index ready_slabs_patient_idx on slabmend.ready_slabs (waiting_since, slab_id) where urgency > 0;
create index ready_slabs_patient_beyond_rescue_idx on slabmend.ready_slabs (waiting_since, slab_id) where urgency = 0;

-- From now on more than the word says: true from when the slab was put into ready_slabs until a lease of it ends, or it is judged or found
-- not to be ready; so of a leased one as well. look_at says nothing meanwhile.
comment on column slabmend.backlog.ready is 'in ready_slabs, or leased since';
drop index slabmend.backlog_urgency_idx;
drop index slabmend.backlog_patient_idx;
drop index slabmend.backlog_patient_beyond_rescue_idx;

-- Whoever names a token names its slab as well: by the primary key.
alter table slabmend.leases drop constraint leases_token_key;

-- When a lease ends, however it does, its slab is looked at again at once, whatever was judged while the lease was there. A row that this
-- put into ready_slabs stays: leasing looks at the slab in any case.
create or replace function slabmend.look_again_when_leases_end() returns trigger
language plpgsql
as $function$
begin
  update slabmend.backlog b set ready = false, look_at = clock_timestamp()
  where b.slab_id = any (array(
    select k.slab_id
    from slabmend.backlog k
    where k.slab_id = any (array(select e.slab_id from ended e))
    order by k.slab_id
    for no key update));
  return null;
end
$function$;
