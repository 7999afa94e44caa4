-- Records the hosts' answers to one batch of checks, together with the run's checkpoint and statistics: so after a
-- crash a sector is either counted already or requested again, never both.
--
--   request   {"batch", "checkpoint", "statistics",
--              "confirmed": [claim], "denied": [claim and "code"], "released": [claim]}, claims as returned by
--              claim_checks
--   answer    {"recorded", "ignored"}: write-checks.sql
--
-- A batch that was already recorded changes nothing. Locks: the run, then what write_checks locks.
create or replace function slabmend.record_checks(the_run bigint, the_token uuid, request jsonb) returns jsonb
language plpgsql volatile
as $function$
declare
  run slabmend.runs;
  written record;
begin
  run := slabmend.hold_run(the_run, the_token);
  if (run.checkpoint->>'batch')::bigint >= (request->>'batch')::bigint then
    return jsonb_build_object('recorded', false, 'ignored', false);
  end if;
  select * into written from slabmend.write_checks(request);
  update slabmend.runs r set checkpoint = request->'checkpoint' || jsonb_build_object('batch', request->'batch'),
    statistics = (request->'statistics') || jsonb_build_object(
      'confirmed', (request->'statistics'->>'confirmed')::bigint + written.confirmed,
      'denied', (request->'statistics'->>'denied')::bigint + written.denied,
      'superseded', (request->'statistics'->>'superseded')::bigint + written.superseded)
  where r.id = the_run;
  return jsonb_build_object('recorded', true, 'ignored', written.ignored);
end
$function$;
