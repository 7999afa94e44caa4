-- Whether so many hosts deny sectors at this moment that the cause must be on our side. Counts the hosts that serve
-- requests, but within the last 10 minutes denied more than a tenth of what they were asked for. The answer is true if
-- their number is at least 5, and more than a third of all hosts that served or denied a request within these 10
-- minutes. manyHostsDeny() in lib/placement/judge-denials.ts makes the same decision.
--
--   reporting   hosts whose denials are about to be recorded
--
-- Indexes: denials_denied_at_idx; host_scores is read in full, one row per host.
create or replace function slabmend.many_hosts_deny(reporting integer[]) returns boolean
language sql stable
as $$
  with share as (
    select s.host_id, s.denied_lately + case when s.host_id = any (reporting) then 1 else 0 end as denied, s.served
    from slabmend.denial_shares(array(
      select d.host_id from slabmend.denials d where d.last_denied_at > clock_timestamp() - interval '10 minutes'
      union select unnest(reporting))) s
  ), denying as (
    select s.host_id from share s where s.denied > 0 and s.served > 0 and 9 * s.denied > s.served
  ), heard as (
    select h.id from slabmend.host_scores x join public.hosts h on h.public_key = x.host_key
    where x.successes >= 1e-6 and x.faded_at > clock_timestamp() - interval '10 minutes'
    union select s.host_id from share s
  )
  select count(*) >= 5 and 3 * count(*) > (select count(*) from heard) from denying
$$;
