-- Records the moves that judge_moves allows, as indexd's MigrateSector does, in one statement.
--
--   decided       the rows of judge_moves; since then record_lost has run, so a denied sector may have no host now
--   still_needed  number of dropped moves whose sector still has to move
--   recorded      the slab indices of the recorded moves
--   dropped       [{"index", "why"}]
--   entries       for the journal: [{"index", "root", "from", "to", "how"}], hosts by public key; from is null
--                 if the sector had no host
--
-- If a sector's previous host has denied it, that host is kept as an earlier location. The caller holds the locks of
-- lock_for_commit.
create or replace function slabmend.record_moves(decided jsonb,
  out total bigint, out were_pinned bigint, out were_lost bigint, out still_needed bigint,
  out recorded jsonb, out dropped jsonb, out entries jsonb)
language plpgsql volatile
as $function$
begin
  if jsonb_array_length(decided) = 0 then
    total := 0; were_pinned := 0; were_lost := 0; still_needed := 0; recorded := '[]'; dropped := '[]'; entries := '[]';
    return;
  end if;
  with decision as materialized (
    select d.*, s.host_id as from_host_id, s.contract_sectors_map_id is not null as was_pinned
    from jsonb_to_recordset(decided) as d (slab_index integer, root text, how text, sector_id bigint, old_host_id integer,
      new_host_id integer, must_move boolean, why text)
    left join public.sectors s on s.id = d.sector_id
  ), relocated as (
    -- The same changes as indexd's MigrateSector makes; uploaded_at is the database's time after waiting for locks.
    update public.sectors s
    set host_id = d.new_host_id, contract_sectors_map_id = null, consecutive_failed_checks = 0,
      num_migrated = s.num_migrated + 1, uploaded_at = clock_timestamp()
    from decision d where d.why is null and s.id = d.sector_id
  ), remembered as (
    update slabmend.denials r set state = 'lost'
    from decision d where d.why is null and r.sector_id = d.sector_id and r.host_id = d.old_host_id
  ), counted as (
    update public.hosts h set unpinned_sectors = h.unpinned_sectors + c.delta
    from (
      select b.host_id, sum(b.delta)::integer as delta
      from (
        select d.new_host_id as host_id, 1 as delta from decision d where d.why is null
        union all
        select d.from_host_id, -1 from decision d
        where d.why is null and d.from_host_id is not null and not d.was_pinned
      ) b
      group by b.host_id
    ) c
    where h.id = c.host_id and c.delta <> 0
  )
  select
    count(*) filter (where d.why is null),
    count(*) filter (where d.why is null and d.was_pinned),
    count(*) filter (where d.why is null and d.from_host_id is null),
    count(*) filter (where d.why is not null and d.must_move),
    coalesce(jsonb_agg(d.slab_index order by d.slab_index) filter (where d.why is null), '[]'),
    coalesce(jsonb_agg(jsonb_build_object('index', d.slab_index, 'why', d.why) order by d.slab_index)
      filter (where d.why is not null), '[]'),
    coalesce(jsonb_agg(jsonb_build_object('index', d.slab_index, 'root', d.root, 'from', encode(old.public_key, 'hex'),
      'to', encode(new.public_key, 'hex'), 'how', d.how) order by d.slab_index) filter (where d.why is null), '[]')
  into total, were_pinned, were_lost, still_needed, recorded, dropped, entries
  from decision d
  left join public.hosts old on old.id = d.old_host_id
  left join public.hosts new on new.id = d.new_host_id;
end
$function$;
