-- How a lease that no longer exists has ended, according to the journal. commit_repair returns this answer if the
-- caller's lease is gone, for example because an earlier call has committed the repair.
create or replace function slabmend.fate_of_token(the_token uuid) returns jsonb
language sql stable
as $function$
  select coalesce(
    (select case j.outcome
      when 'crashed' then jsonb_build_object('kind', 'superseded', 'why', 'reaped')
      when 'superseded' then jsonb_build_object('kind', 'superseded', 'why', j.error)
      else jsonb_build_object('kind', 'already-committed', 'outcome', j.outcome)
    end
    from slabmend.journal j where j.token = the_token),
    jsonb_build_object('kind', 'superseded', 'why', 'lease-gone'))
$function$;
