-- Records that a contract was renewed or refreshed, as indexd's AddRenewedContract does. The new contract is pending,
-- as after any renewal, until indexd's chain sync confirms it. Only the host knows the contract price and the miner
-- fee, so both are recorded as 0.
--
--   revision  {"raw", "number", "proofHeight", "expirationHeight", "capacity", "size", "allowance", "totalCollateral",
--             "usedCollateral"}
--   answer    false: the renewal was already recorded, or the old contract is gone
--
-- Sectors stay pinned: their row of contract_sectors_map then points to the new contract. The new contract is bad if
-- the old one was, for example because its host is blocked.
create or replace function slabmend.record_renewal(the_run bigint, the_token uuid, old_id bytea, new_id bytea, revision jsonb)
returns boolean
language plpgsql volatile
as $function$
begin
  perform slabmend.hold_indexd(array['contracts', 'contract_sectors_map']);
  perform slabmend.hold_run(the_run, the_token);
  perform from public.contracts c where c.contract_id = old_id and c.renewed_to is null order by c.id for update;
  if not found then return false; end if;
  insert into public.contracts (host_id, contract_id, renewed_from, raw_revision, revision_number, proof_height,
    expiration_height, capacity, size, initial_allowance, remaining_allowance, total_collateral, used_collateral, contract_price,
    miner_fee, good)
  select c.host_id, new_id, c.contract_id, decode(revision->>'raw', 'hex'), (revision->>'number')::bigint,
    (revision->>'proofHeight')::bigint, (revision->>'expirationHeight')::bigint, (revision->>'capacity')::bigint,
    (revision->>'size')::bigint, (revision->>'allowance')::numeric, (revision->>'allowance')::numeric,
    (revision->>'totalCollateral')::numeric, (revision->>'usedCollateral')::numeric, 0, 0, c.good
  from public.contracts c where c.contract_id = old_id;
  update public.contracts c set renewed_to = new_id where c.contract_id = old_id;
  update public.contract_sectors_map m set contract_id = new_id where m.contract_id = old_id;
  return true;
end
$function$;
