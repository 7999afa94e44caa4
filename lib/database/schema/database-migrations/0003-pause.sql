-- An operator's wish that nothing new be leased: lib/database/fleet/fleet-mode.ts. In the row that says how the fleet is.
alter table slabmend.fleet
  add column paused_at timestamptz,
  add column pause_reason text check (length(pause_reason) <= 500);
