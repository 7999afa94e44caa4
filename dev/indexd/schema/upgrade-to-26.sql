-- indexd 0.6.0 and 0.6.1: indexd marks a slab only after it was unrecoverable for 30 days. unrecoverable_since is the
-- start of the 30 days, or the epoch for a slab that can never be repaired. A marked slab has an unrecoverable_reason,
-- and indexd no longer repairs it.

drop trigger slabs_maintain_repair_stats_insert on slabs;
drop trigger slabs_maintain_repair_stats_update on slabs;
drop trigger slabs_maintain_repair_stats_delete on slabs;

alter table slabs drop constraint slabs_unrecoverable_reason_check, add column unrecoverable_since timestamptz;
update slabs set unrecoverable_since = 'epoch' where unrecoverable;
alter table slabs
  drop column unrecoverable,
  add constraint slabs_unrecoverable_reason_check check (unrecoverable_reason is null or unrecoverable_since is not null);

update global_settings set db_version = 26;
