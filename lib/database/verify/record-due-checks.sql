-- Records a host's answers to one batch of due checks, adds them to the sums of the hour, and records whether the host
-- is silent.
--
--   request   {"hostId", "confirmed": [claim], "denied": [claim and "code"], "wrongData", "unanswered", "hastings"}:
--             write-checks.sql; wrongData and unanswered are numbers of sectors. The sectors counted by these two
--             numbers keep our claim, and their checks are due again when the claim expires
--   answer    {"confirmed", "denied", "superseded", "ignored"}
--
-- A host that answers none of a batch's requests is left alone for half an hour; each further batch without an answer
-- doubles that time, up to 4 hours. Any answer ends the silence.
--
-- Locks, in this order: what write_checks locks; the host's row of silent_hosts; the hour's row of checks, which is
-- last because all workers share it.
create or replace function slabmend.record_due_checks(request jsonb) returns jsonb
language plpgsql volatile
as $function$
declare
  written record;
  moment timestamptz;
  the_host constant integer not null := (request->>'hostId')::integer;
begin
  select * into written from slabmend.write_checks(request || '{"released": []}');
  moment := clock_timestamp();
  if (request->>'unanswered')::integer > 0 and (request->>'wrongData')::integer = 0 and request->'confirmed' = '[]'
    and request->'denied' = '[]'
  then
    insert into slabmend.silent_hosts as h (host_id, batches, until) values (the_host, 1, moment + interval '30 minutes')
    on conflict (host_id) do update set batches = least(h.batches + 1, 100),
      until = moment + least(interval '30 minutes' * power(2, least(h.batches, 10)), interval '4 hours')
    -- Unanswered batches that were in progress at the same time count as one batch.
    where h.until <= moment;
  else
    delete from slabmend.silent_hosts h where h.host_id = the_host;
  end if;
  insert into slabmend.checks as c (hour, confirmed, denied, superseded, wrong_data, unanswered, hastings)
  values (date_trunc('hour', moment, 'UTC'), written.confirmed, written.denied, written.superseded,
    (request->>'wrongData')::integer,
    (request->>'unanswered')::integer + case when written.ignored then jsonb_array_length(request->'denied') else 0 end,
    (request->>'hastings')::numeric)
  on conflict (hour) do update set confirmed = c.confirmed + excluded.confirmed, denied = c.denied + excluded.denied,
    superseded = c.superseded + excluded.superseded, wrong_data = c.wrong_data + excluded.wrong_data,
    unanswered = c.unanswered + excluded.unanswered, hastings = c.hastings + excluded.hastings;
  return jsonb_build_object('confirmed', written.confirmed, 'denied', written.denied, 'superseded', written.superseded,
    'ignored', written.ignored);
end
$function$;
