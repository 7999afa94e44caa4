-- Two ways to work on one backlog: through the queue, whose claim keeps a number of leases, and straight from the database,
-- where a machine leases what it begins at once. Each counts its own, or the larger would leave the other nothing.
alter table slabmend.leases add column through_queue boolean not null default true;
