-- What a running repair has spent, as of its last heartbeat: for the journal, should it end without a word.
alter table slabmend.leases
  add column bytes_read bigint not null default 0 check (bytes_read >= 0),
  add column bytes_written bigint not null default 0 check (bytes_written >= 0),
  add column hastings numeric(50, 0) not null default 0 check (hastings >= 0);
