-- The state of every host: docs/protocol.md#host-usability; host-usability.ts makes the same decisions on rows that
-- were already read, and names the failed checks.
--
--   usable             passes all of indexd's checks
--   blocked            its key is on the blocklist
--   good               usable and not blocked: its sectors may stay, if the contract is healthy
--   has_active_contract, has_healthy_contract, has_append_contract
--                      it has at least one contract that is active, healthy or good for append
--   good_for_upload    good, not stuck, and has storage left
--
-- Needs contract_states(). Inlined like contract_states, and takes and returns plain scalars for the same reason. The
-- three has_ columns are subqueries that run only if used, on contracts_host_id_active_good_idx and
-- contracts_host_id_active_bad_idx.
create or replace function slabmend.host_states()
returns table (
  host_id integer, usable boolean, blocked boolean, good boolean, good_for_upload boolean,
  has_active_contract boolean, has_healthy_contract boolean, has_append_contract boolean
)
language sql stable
as $$
  select
    h.id,
    u.usable,
    b.blocked,
    u.usable and not b.blocked,
    u.usable and not b.blocked and h.stuck_since is null and h.settings_remaining_storage > 0,
    exists (
      select from public.contracts c
      where c.host_id = h.id and c.state in (0, 1) and c.renewed_to is null and c.proof_height > g.scanned_height
    ),
    exists (
      select from public.contracts c
      where c.host_id = h.id and c.good and c.state in (0, 1) and c.renewed_to is null
        and c.proof_height > g.scanned_height
    ),
    exists (select from slabmend.contract_states() c where c.host_id = h.id and c.good_for_append)
  from public.hosts h
  join public.global_settings g on g.id = 0
  cross join lateral (
    select exists (select from public.hosts_blocklist l where l.public_key = h.public_key) as blocked
  ) b
  cross join lateral (
    -- A check fails if one of its values is null: the host was never scanned, or indexd never set the limit.
    select coalesce(
      h.last_successful_scan is not null
      and h.recent_uptime >= 0.9
      and h.settings_max_contract_duration >= g.contracts_period
      and h.settings_max_collateral >= h.settings_collateral * 1e12 * g.contracts_period
      -- A version is three bytes (major, minor, patch), so the order of bytes is the order of versions.
      and h.settings_protocol_version >= substring(g.hosts_min_protocol_version for 3)
      and h.settings_valid_until >= h.last_successful_scan + interval '15 minutes'
      and h.settings_accepting_contracts
      and h.has_quic
      and h.has_siamux
      and h.settings_contract_price <= 1e24
      and h.settings_collateral >= g.hosts_min_collateral
      and h.settings_collateral >= 2 * h.settings_storage_price
      and h.settings_storage_price <= g.hosts_max_storage_price
      and h.settings_ingress_price <= g.hosts_max_ingress_price
      and h.settings_egress_price <= g.hosts_max_egress_price
      and h.settings_free_sector_price <= 1e24 / 250000,
      false
    ) as usable
  ) u
$$;
