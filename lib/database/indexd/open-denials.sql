-- The open denials: a host said that it does not have a sector, and indexd still records the sector there, unchanged
-- since then. This is the only definition of "open denial". If the sector has since been uploaded again, pinned
-- or moved, the denial is not open; if it was moved, the denial's row now records an earlier location.
--
--   denials   how many denials in a row have been counted: see record_denials
--
-- Inlined into its caller, like host_states. Reads denials by its primary key or denials_open_idx, sectors by id.
create or replace function slabmend.open_denials()
returns table (sector_id bigint, host_id integer, root bytea, denials smallint, whole_denied_at timestamptz)
language sql stable
as $$
  select d.sector_id, d.host_id, d.root, d.denials, d.whole_denied_at
  from slabmend.denials d
  join public.sectors s on s.id = d.sector_id
  where d.state = 'open' and s.host_id = d.host_id and s.contract_sectors_map_id is not distinct from d.map_id
    and s.uploaded_at = d.uploaded_at
$$;
