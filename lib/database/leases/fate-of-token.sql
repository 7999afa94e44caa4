-- What became of a lease that is no longer there, by the journal: the answer of commit_repair to a caller whose lease is
-- gone, or whose earlier call had committed.
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
