-- Part of indexd 0.6.0: an event whose updated_at is null is not yet published to the stream.

alter table object_events alter column updated_at drop default;
create index object_events_unpublished_idx on object_events (account_id, object_key) where updated_at is null;

alter table global_settings add column object_events_last_published timestamptz not null default '-infinity';
update global_settings
set object_events_last_published = coalesce((select date_trunc('second', max(updated_at)) from object_events), '-infinity');

update global_settings set db_version = 24;
