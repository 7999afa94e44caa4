-- The state of every contract: docs/protocol.md#contract-predicates; contract-health.ts makes the same decisions on
-- rows that were already read.
--
-- Language SQL, stable, string-bodied, set-returning: the planner inlines it into the calling query, so that
-- `where contract_id = …` uses contracts' unique index and unused columns cost nothing. It takes and returns
-- plain scalars, because a function over a table's row type would prevent indexd from ever dropping that table.
--
-- Computes with integers, as indexd does: division truncates. In indexd the number of blocks until a contract's
-- expiration is unsigned: after the expiration it wraps to a number so high that no contract can pay for storage until
-- then. So here, too, an expired contract may take a sector only in its unused capacity.
create or replace function slabmend.contract_states()
returns table (contract_id bytea, host_id integer, healthy boolean, good_for_append boolean)
language sql stable
as $$
  select
    c.contract_id,
    c.host_id,
    s.healthy,
    s.healthy
      and c.size < m.max_renewable_bytes
      and c.proof_height > g.scanned_height + g.contracts_renew_window
      and (
        c.size < c.capacity
        or (
          c.expiration_height >= g.scanned_height
          and c.remaining_allowance >=
            h.settings_storage_price * 4194304 * (c.expiration_height - g.scanned_height)
            + h.settings_ingress_price * 4096
          and c.total_collateral - c.used_collateral >=
            h.settings_collateral * 4194304 * (c.expiration_height - g.scanned_height)
        )
      )
  from public.contracts c
  join public.hosts h on h.id = c.host_id
  join public.global_settings g on g.id = 0
  cross join lateral (
    select c.good and c.state in (0, 1) and c.renewed_to is null and c.proof_height > g.scanned_height as healthy
  ) s
  cross join lateral (
    -- The renewable size, at most 10 TiB, minus a fifth as a margin, in whole sectors.
    select div(div(least(
      10995116277760,
      div(h.settings_max_collateral,
        greatest(h.settings_collateral * 4194304 * (g.contracts_period + 144), 1)) * 4194304
    ) * 8, 10), 4194304) * 4194304 as max_renewable_bytes
  ) m
$$;
