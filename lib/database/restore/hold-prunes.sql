-- Keeps indexd from pruning contracts for another day: pruning frees every root of a contract that no row places in it, including
-- roots moved or uploaded after the backup. A renewal creates a contract whose prune is due in a day, so this function is called
-- again well before. Rejected contracts (state 4) too: indexd rejects a contract six hours after it was recorded if it has not seen
-- it on the chain, and makes it active again once it has synced that far, perhaps days later. The caller has called hold_indexd for
-- contracts.
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
