-- indexd 0.5.0: indexd marks slabs that can never be repaired; triggers count these slabs, and the slabs whose repair
-- failed repeatedly. The triggers do the same as indexd's. Their names and conditions are indexd's, because a test
-- compares the catalogues; the function's text is ours.

alter table slabs
  add column unrecoverable boolean not null default false,
  add column unrecoverable_reason text,
  add constraint slabs_unrecoverable_reason_check check (unrecoverable = (unrecoverable_reason is not null));

create function slab_is_stuck(failures smallint, unrecoverable boolean) returns boolean
language sql immutable parallel safe
as 'select not unrecoverable and failures > 1';

create function slabs_maintain_repair_stats() returns trigger
language plpgsql
as $$
declare
  marked integer := 0;
  stuck integer := 0;
begin
  if tg_op <> 'DELETE' then
    marked := marked + new.unrecoverable::integer;
    stuck := stuck + slab_is_stuck(new.consecutive_failed_repairs, new.unrecoverable)::integer;
  end if;
  if tg_op <> 'INSERT' then
    marked := marked - old.unrecoverable::integer;
    stuck := stuck - slab_is_stuck(old.consecutive_failed_repairs, old.unrecoverable)::integer;
  end if;
  insert into stats_deltas (stat_name, stat_delta)
  select d.name, d.delta
  from (values ('num_unrecoverable_slabs', marked), ('num_stuck_slabs', stuck)) as d (name, delta)
  where d.delta <> 0;
  return null;
end
$$;

create trigger slabs_maintain_repair_stats_insert
after insert on slabs for each row
when (new.unrecoverable or slab_is_stuck(new.consecutive_failed_repairs, new.unrecoverable))
execute function slabs_maintain_repair_stats();

create trigger slabs_maintain_repair_stats_update
after update of unrecoverable, consecutive_failed_repairs on slabs for each row
when (old.unrecoverable is distinct from new.unrecoverable
  or slab_is_stuck(old.consecutive_failed_repairs, old.unrecoverable)
    is distinct from slab_is_stuck(new.consecutive_failed_repairs, new.unrecoverable))
execute function slabs_maintain_repair_stats();

create trigger slabs_maintain_repair_stats_delete
after delete on slabs for each row
when (old.unrecoverable or slab_is_stuck(old.consecutive_failed_repairs, old.unrecoverable))
execute function slabs_maintain_repair_stats();

-- Adds the rows of `stats` for the two counts that the triggers keep.
insert into stats (stat_name, stat_value)
select 'num_unrecoverable_slabs', 0
union all
select 'num_stuck_slabs', count(*) from slabs where slab_is_stuck(consecutive_failed_repairs, unrecoverable);

update global_settings set db_version = 23;
