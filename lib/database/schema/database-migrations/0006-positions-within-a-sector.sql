-- One sector may be part of any number of slabs: a page of a walk can end in the middle of a sector. Of the sector behind
-- the position, slabs up to slab_position are done; 0: none.
alter table slabmend.walks add column slab_position bigint not null default 0 check (slab_position >= 0);
alter table slabmend.checkpoints add column slab_position bigint not null default 0 check (slab_position >= 0);
