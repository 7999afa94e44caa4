-- Why a sector is bad by itself, regardless of the slab's other sectors; null: it is not bad. This is the only
-- definition of "bad sector"; bad_sectors() finds candidates for each of these causes by an index.
--
--   lost           on no host
--   denied         its host said that it does not have the sector, and the denial is open (open_denials)
--   bad-host       the host is blocked, unusable or without an active contract (host_counts is not true)
--   bad-contract   pinned to a contract that is not healthy, or whose host is not good (contract_counts is not true)
--   draining       its host is being drained by an operator (draining_hosts); the sector itself is healthy
--
-- Inlined into its caller.
create or replace function slabmend.bad_sector_cause(host_id integer, is_denied boolean, host_counts boolean, is_pinned boolean,
  contract_counts boolean, is_draining boolean)
returns text
language sql immutable
as $$
  select case
    when host_id is null then 'lost'
    when is_denied then 'denied'
    when host_counts is not true then 'bad-host'
    when is_pinned and contract_counts is not true then 'bad-contract'
    when is_draining then 'draining'
  end
$$;
