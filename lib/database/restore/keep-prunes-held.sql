-- Part of reap: every six hours, postpones the next prune of contracts again, until an operator has released prunes.
-- Answer: the number of contracts whose prune was postponed.
create or replace function slabmend.keep_prunes_held() returns bigint
language plpgsql volatile
as $function$
begin
  update slabmend.prune_hold set applied_at = clock_timestamp() where applied_at < clock_timestamp() - interval '6 hours';
  if not found then return 0; end if;
  perform slabmend.hold_indexd(array['contracts']);
  return slabmend.hold_prunes();
end
$function$;
