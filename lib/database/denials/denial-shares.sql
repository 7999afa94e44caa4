-- How large a share of recent requests each host denied: the input of suspected_hosts and many_hosts_deny;
-- lib/placement/judge-denials.ts uses the same figures.
--
--   of_hosts        null: every host that denied a sector within the last day
--   denied          sectors that the host denied within the last day
--   denied_again    of these, the sectors that it denied again at least 6 h after the first time
--   denied_lately   of these, the sectors that it denied within the last 10 minutes
--   served          requests that the host served, as the decaying sum in host_scores (half-life: half an hour)
--
-- Indexes: denials_host_idx, denials_denied_at_idx; host_scores by primary key.
create or replace function slabmend.denial_shares(of_hosts integer[])
returns table (host_id integer, denied integer, denied_again integer, denied_lately integer, served double precision)
language plpgsql stable
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  moment constant timestamptz not null := clock_timestamp();
begin
  return query
  with asked as (
    select unnest(of_hosts) as id
    union
    select d.host_id from slabmend.denials d
    where of_hosts is null and d.last_denied_at > moment - interval '1 day'
  )
  select a.id, d.denied, d.denied_again, d.denied_lately, coalesce(s.served, 0)
  from asked a
  cross join lateral (
    select count(*)::integer as denied,
      count(*) filter (where x.last_denied_at - x.first_denied_at >= interval '6 hours')::integer as denied_again,
      count(*) filter (where x.last_denied_at > moment - interval '10 minutes')::integer as denied_lately
    from slabmend.denials x
    where x.host_id = a.id and x.last_denied_at > moment - interval '1 day'
  ) d
  left join lateral (
    -- At most 100 half-lives, and no sum below 10^-6: see lib/database/fleet/host-scores.ts.
    select case when x.successes < 1e-6 then 0 else x.successes
      * power(0.5::double precision,
          least(greatest(extract(epoch from moment - x.faded_at)::double precision / 1800, 0), 100)) end as served
    from public.hosts h
    join slabmend.host_scores x on x.host_key = h.public_key
    where h.id = a.id offset 0
  ) s on true;
end
$$;
