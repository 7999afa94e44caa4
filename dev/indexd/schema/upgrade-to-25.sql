-- Part of indexd 0.6.0: a statistic may be an amount of money, which does not fit into a bigint.

alter table stats alter column stat_value type numeric(50, 0);
alter table stats_deltas alter column stat_delta type numeric(50, 0);
insert into stats (stat_name) values ('contract_tax');

update global_settings set db_version = 25;
