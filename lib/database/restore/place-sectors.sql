-- Records where sectors of a slab are (the moves since the backup), after their hosts were asked for proofs. All
-- sectors of a slab are recorded in one call, because one sector may have moved to a host that another sector has left.
--
--   moves    [{"index", "root", "sectorId", "plannedHostId", "newHostId", "how"}], hosts by hosts.id; plannedHostId is
--            null if the sector had no host
--   absent   [{"sectorId", "root", "hostId", "code"}]: the sector's host, as recorded after the moves, did not prove
--            that it has the sector
--   lost     [the fields of absent]: the journal had recorded the sector as lost on that host, and the host denies it
--            again. An entry with "onlyIfTaken" is lost only if a move that is not refused needs its host; otherwise
--            the entry counts as absent
--   earlier  [the fields of absent]: a host that once had the sector could not prove now that it has the sector
--   answer   {"placed": n, "lost": n, "denied": n, "refused": [{"index", "why"}]}
--
-- A move has the same effects as a migration (record_moves), and a row in the journal. A move is refused if its sector
-- is no longer where the caller saw it, if its new host is gone, or if this host would then have two sectors of a slab
-- (rule 4). A sector that is already at its new host counts as placed: either the answer to an earlier, identical call
-- was lost, or the sector was placed as part of another slab that shares it. An absent sector gets an open denial,
-- regardless of how many hosts deny at this moment, because after a restore many do.
--
-- Locks: those of a commit. Indexes: primary keys, slab_sectors_sector_id_slab_id_idx.
create or replace function slabmend.place_sectors(the_run bigint, the_token uuid, the_slab bigint, moves jsonb, absent jsonb,
  lost jsonb, earlier jsonb)
returns jsonb
language plpgsql volatile
as $function$
declare
  began constant timestamptz not null := clock_timestamp();
  the_digest bytea;
  run slabmend.runs;
  decided jsonb;
  taken bigint[];
  leaving bigint[];
  truly_lost jsonb;
  truly_absent jsonb;
  gone record;
  moved record;
  already integer;
  denied integer;
begin
  perform slabmend.hold_indexd(array['slabs', 'sectors', 'hosts', 'stats_deltas']);
  run := slabmend.hold_run(the_run, the_token);
  select s.digest into the_digest from public.slabs s where s.id = the_slab for no key update;
  perform slabmend.lock_for_commit(the_slab, moves, absent || lost);
  select coalesce(jsonb_agg(j) filter (where not j.is_there), '[]'), count(*) filter (where j.is_there) into decided, already
  from (
    select m."index" as slab_index, m.root, m.how, s.id as sector_id, s.host_id as old_host_id, m."newHostId" as new_host_id,
      true as must_move, coalesce(s.host_id = m."newHostId", false) as is_there,
      case
        when s.id is null then 'sector-gone'
        when s.host_id is distinct from m."plannedHostId" then 'sector-moved'
        when not exists (select from public.hosts h where h.id = m."newHostId") then 'host-gone'
      end as why
    from jsonb_to_recordset(moves) as m ("index" integer, root text, "sectorId" bigint, "plannedHostId" integer,
      "newHostId" integer, how text)
    left join public.slab_sectors ss on ss.slab_id = the_slab and ss.slab_index = m."index" and ss.sector_id = m."sectorId"
    left join public.sectors s on s.id = ss.sector_id and s.sector_root = decode(m.root, 'hex')
  ) j;
  -- Rule 4, checked for the state after all moves that are not refused. The sector of a refused move stays on its host,
  -- so another move to that host may have to be refused too. Lost sectors leave their hosts.
  select coalesce(array_agg((l->>'sectorId')::bigint), '{}') into leaving from jsonb_array_elements(lost) l;
  loop
    select array_agg(a.sector_id) into taken
    from jsonb_to_recordset(decided) as a (sector_id bigint, new_host_id integer, why text)
    where a.why is null and exists (
      select from public.slab_sectors mine
      join public.slab_sectors other on other.slab_id = mine.slab_id and other.sector_id <> mine.sector_id
      join public.sectors o on o.id = other.sector_id
      left join jsonb_to_recordset(decided) as b (sector_id bigint, new_host_id integer, why text)
        on b.sector_id = o.id and b.why is null
      where mine.sector_id = a.sector_id
        and coalesce(b.new_host_id, case when o.id <> all (leaving) then o.host_id end) = a.new_host_id);
    exit when taken is null;
    select jsonb_agg(case when (d->>'sector_id')::bigint = any (taken) then d || '{"why": "host-taken"}' else d end)
    into decided from jsonb_array_elements(decided) d;
  end loop;
  select coalesce(jsonb_agg(l) filter (where t.is_lost), '[]'), absent || coalesce(jsonb_agg(l) filter (where not t.is_lost), '[]')
  into truly_lost, truly_absent
  from jsonb_array_elements(lost) l
  cross join lateral (
    select not coalesce((l->>'onlyIfTaken')::boolean, false) or exists (
      select from jsonb_to_recordset(decided) as d (new_host_id integer, why text)
      where d.why is null and d.new_host_id = (l->>'hostId')::integer) as is_lost
  ) t;
  select * into gone from slabmend.record_lost(the_slab, truly_lost);
  select * into moved from slabmend.record_moves(decided);

  perform slabmend.count_moves(moved.total, moved.were_pinned, moved.were_lost, gone.pinned, gone.unpinned, gone.counted);

  insert into slabmend.denials as d (sector_id, host_id, root, map_id, uploaded_at, code, denials, first_denied_at, counted_at,
    last_denied_at, state)
  select s.id, e."hostId", s.sector_root, s.contract_sectors_map_id, s.uploaded_at, e.code, 1, began, began, began, 'lost'
  from jsonb_to_recordset(earlier) as e ("sectorId" bigint, root text, "hostId" integer, code text)
  join public.sectors s on s.id = e."sectorId" and s.sector_root = decode(e.root, 'hex') and s.host_id is distinct from e."hostId"
  on conflict (sector_id, host_id) do nothing;
  -- If a sector left the host and came back, the row of its earlier denial is replaced by a new one, as in
  -- record_denials.
  delete from slabmend.denials d
  using jsonb_to_recordset(truly_absent) as a ("sectorId" bigint, "hostId" integer), public.sectors s
  where d.sector_id = a."sectorId" and d.host_id = a."hostId" and s.id = d.sector_id and s.host_id = d.host_id
    and not exists (select from slabmend.open_denials() o where o.sector_id = d.sector_id and o.host_id = d.host_id);
  with recorded as (
    insert into slabmend.denials as d (sector_id, host_id, root, map_id, uploaded_at, code, denials, first_denied_at, counted_at,
      last_denied_at, state)
    select s.id, s.host_id, s.sector_root, s.contract_sectors_map_id, s.uploaded_at, a.code, 1, began, began, began, 'open'
    from jsonb_to_recordset(truly_absent) as a ("sectorId" bigint, root text, "hostId" integer, code text)
    join public.sectors s on s.id = a."sectorId" and s.sector_root = decode(a.root, 'hex') and s.host_id = a."hostId"
    on conflict (sector_id, host_id) do update set
      root = excluded.root, map_id = excluded.map_id, uploaded_at = excluded.uploaded_at, code = excluded.code,
      last_denied_at = excluded.last_denied_at, state = 'open'
    returning 1
  )
  select count(*) into denied from recorded;

  if moved.total + gone.total > 0 then
    insert into slabmend.journal (token, kind, slab_id, digest, outcome, reported_outcome, moves, lost, worker, leased_at, began_at, finished_at)
    values (gen_random_uuid(), run.kind, the_slab, the_digest, 'repaired', 'repaired', moved.entries, gone.entries, run.coordinator, began, began,
      clock_timestamp());
  end if;
  if moved.total > 0 then
    insert into slabmend.moved (slab_id, digest, moved_at) values (the_slab, the_digest, clock_timestamp());
  end if;
  return jsonb_build_object('placed', moved.total + already, 'lost', gone.total, 'denied', denied, 'refused', moved.dropped);
end
$function$;
