-- Postpones indexd's prunes of contracts by a day. A prune of a contract frees every root that no row of the database
-- places in this contract; after a restore, these include roots moved or uploaded after the backup. A renewal creates a
-- contract whose prune is due in a day, so this function is called again well before a day has passed. Rejected
-- contracts (state 4) are included, because they may become active again: indexd rejects a contract if it has not seen
-- the contract on the chain within six hours after recording it. When indexd's sync reaches the contract's block,
-- perhaps days later, indexd makes the contract active. The caller has called hold_indexd for the table contracts.
create or replace function slabmend.hold_prunes() returns bigint
language sql volatile
as $function$
  with held as (
    update public.contracts c set next_prune = clock_timestamp() + interval '1 day'
    where c.state in (0, 1, 4) and c.renewed_to is null and c.next_prune < clock_timestamp() + interval '23 hours'
    returning 1
  )
  select count(*) from held
$function$;
