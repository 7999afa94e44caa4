-- The hosts whose denials are not believed for now: they denied at least 3 sectors within a day, and more than a tenth
-- of their requests. Such a host may have lost its index, and may recover it. The suspicion ends when the host has
-- denied 3 of these sectors again, at least 6 h after the first time: then its sectors are taken to be gone.
-- isSuspected() in lib/placement/judge-denials.ts makes the same decision.
--
--   of_hosts  null: all hosts
create or replace function slabmend.suspected_hosts(of_hosts integer[])
returns table (host_id integer)
language sql stable
as $$
  select d.host_id from slabmend.denial_shares(of_hosts) d
  where d.denied >= 3 and d.denied_again < 3 and 9 * d.denied > d.served
$$;
