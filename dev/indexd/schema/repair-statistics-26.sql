-- Triggers that count unrecoverable and stuck slabs, from version 26 on, in fresh and in upgraded databases: a slab
-- with an unrecoverable_reason counts as unrecoverable and never as stuck. The triggers do the same as indexd's. Their
-- names and conditions are indexd's, because a test compares the catalogues; the function's text is ours.

create or replace function slabs_maintain_repair_stats() returns trigger
language plpgsql
as $$
declare
  marked integer := 0;
  stuck integer := 0;
  is_marked boolean;
begin
  if tg_op <> 'DELETE' then
    is_marked := new.unrecoverable_reason is not null;
    marked := marked + is_marked::integer;
    stuck := stuck + slab_is_stuck(new.consecutive_failed_repairs, is_marked)::integer;
  end if;
  if tg_op <> 'INSERT' then
    is_marked := old.unrecoverable_reason is not null;
    marked := marked - is_marked::integer;
    stuck := stuck - slab_is_stuck(old.consecutive_failed_repairs, is_marked)::integer;
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
when (new.unrecoverable_reason is not null
  or slab_is_stuck(new.consecutive_failed_repairs, new.unrecoverable_reason is not null))
execute function slabs_maintain_repair_stats();

create trigger slabs_maintain_repair_stats_update
after update of unrecoverable_reason, consecutive_failed_repairs on slabs for each row
when ((old.unrecoverable_reason is null) is distinct from (new.unrecoverable_reason is null)
  or slab_is_stuck(old.consecutive_failed_repairs, old.unrecoverable_reason is not null)
    is distinct from slab_is_stuck(new.consecutive_failed_repairs, new.unrecoverable_reason is not null))
execute function slabs_maintain_repair_stats();

create trigger slabs_maintain_repair_stats_delete
after delete on slabs for each row
when (old.unrecoverable_reason is not null
  or slab_is_stuck(old.consecutive_failed_repairs, old.unrecoverable_reason is not null))
execute function slabs_maintain_repair_stats();
