-- Who has waited for long has a share of the leases: slabs beyond rescue (urgency 0) one of their own, so that finding the others does
-- not read past them.
create index backlog_patient_idx on slabmend.backlog (waiting_since, slab_id) where ready and urgency > 0;
create index backlog_patient_beyond_rescue_idx on slabmend.backlog (waiting_since, slab_id) where ready and urgency = 0;
drop index slabmend.backlog_waiting_idx;
