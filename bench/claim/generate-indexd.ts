/**
 * Generates an indexd database of a given size by SQL inside the server. The n sectors of a slab are on n different
 * hosts, and nearly all are pinned. Each slab belongs to an account and to an object. Constraints and indexes are
 * dropped for the load and created again afterwards.
 */
import { createHash } from "node:crypto";
import type { Sql } from "postgres";
import { indexdSchema } from "../../dev/indexd/indexd-schema.ts";
import { type SeededHost, seedAccount, seedNetwork } from "../../dev/indexd/seed-indexd.ts";
import { migrateDatabase } from "../../lib/database/schema/migrate-database.ts";

export interface Scale {
  readonly slabs: number;
  readonly hosts: number;
  readonly minShards: number;
  readonly shards: number;
}

export interface GeneratedIndexd {
  readonly scale: Scale;
  readonly hosts: readonly SeededHost[];
  /** Slabs up to this id all belong to one object; each later slab is an object of its own. */
  readonly slabsOfOneObject: number;
}

/** The percentage of all sectors that are unpinned: indexd still has to pin them. */
const UNPINNED_PERCENT = 2;
const BIG = ["slab_sectors", "sectors", "slabs", "account_slabs", "object_slabs", "objects", "object_events"];

export async function generateIndexd(sql: Sql, scale: Scale): Promise<GeneratedIndexd> {
  await sql.unsafe(indexdSchema());
  // slabmend's schema is created before the load. After the load, migrateDatabase would find that indexd's tables
  // differ from those that it knows, because the load leaves foreign keys `not valid`.
  await migrateDatabase(sql);
  const hosts = await seedNetwork(sql, {
    hosts: scale.hosts,
    // One subnet per host, so that no hosts are correlated.
    seed: (n) => ({ addresses: [`10.${n >> 8}.${n & 255}.1:9984`] }),
  });
  const accountId = await seedAccount(sql);
  const { slabs, shards, minShards } = scale;
  const slabsOfOneObject = Math.floor(slabs / 10);
  const restore = await dropConstraints(sql);
  const hostIds = hosts.map(({ id }) => id);
  const mapIds = hosts.map(({ contract }) => contract!.mapId);
  await sql`
    insert into slabs (id, digest, encryption_key, min_shards, next_repair_attempt)
    select s, sha256(convert_to('slab ' || s, 'UTF8')), sha256(convert_to('key ' || s, 'UTF8')), ${minShards}::smallint,
      now() - interval '2 hours'
    from generate_series(1, ${slabs}::bigint) s`;
  const steps = Array.from({ length: scale.hosts }, (_, n) => n).filter((n) => gcd(n, scale.hosts) === 1);
  // A slab's hosts: a random start, and a random step that has no common divisor with the number of hosts, so that all
  // hosts of the slab are different.
  await sql`
    insert into sectors (id, sector_root, host_id, contract_sectors_map_id, uploaded_at, next_integrity_check)
    select (s - 1) * ${shards}::integer + i + 1, sha256(convert_to('root ' || s || ' ' || i, 'UTF8')),
      (${hostIds}::integer[])[h + 1],
      case when (s * 31 + i * 17) % 100 >= ${UNPINNED_PERCENT}::integer then (${mapIds}::integer[])[h + 1] end,
      now() - interval '1 hour', now() + interval '14 days'
    from generate_series(1, ${slabs}::bigint) s
    cross join lateral (
      select (hashint8(s)::bigint & 1073741823) as start,
        (${steps}::integer[])[1 + (hashint8(s + 7777777)::bigint & 1073741823) % ${steps.length}::integer] as step
    ) r
    cross join generate_series(0, ${shards}::integer - 1) i
    cross join lateral (select ((r.start + i * r.step) % ${scale.hosts}::integer)::integer as h) p`;
  await sql`
    insert into slab_sectors (slab_id, sector_id, slab_index)
    select s, (s - 1) * ${shards}::integer + i + 1, i
    from generate_series(1, ${slabs}::bigint) s cross join generate_series(0, ${shards}::integer - 1) i`;
  await sql`insert into account_slabs (account_id, slab_id) select ${accountId}, id from slabs`;
  await sql`
    insert into objects (id, object_key, account_id, encrypted_data_key, data_signature, meta_signature)
    select o, k, ${accountId}, k || k || substring(k for 8), k || k, k || k
    from generate_series(${slabsOfOneObject}::bigint, ${slabs}::bigint) o, sha256(convert_to('object ' || o, 'UTF8')) k`;
  await sql`
    insert into object_slabs (object_id, slab_digest, slab_index, slab_offset, slab_length)
    select greatest(id, ${slabsOfOneObject}::bigint), digest, least(id, ${slabsOfOneObject}::bigint), 0, 4096 from slabs`;
  await sql`
    insert into object_events (object_key, account_id, was_deleted, updated_at)
    select object_key, account_id, false, date_trunc('second', now() - interval '1 hour') from objects`;
  await restore();
  await sql`
    update hosts h set unpinned_sectors = c.n from (
      select host_id, count(*)::integer as n from sectors where contract_sectors_map_id is null group by host_id) c
    where c.host_id = h.id`;
  await sql`insert into stats_deltas (stat_name, stat_delta) values ('num_slabs', ${slabs}), ('num_pinned_sectors', ${slabs * shards})`;
  for (const table of BIG) await sql.unsafe(`vacuum analyze ${table}`);
  await sql.unsafe("vacuum analyze hosts");
  return { scale, hosts: shuffled(hosts), slabsOfOneObject };
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/**
 * Drops constraints and indexes. Returns a function that creates them again. That function makes foreign keys `not
 * valid`, so PostgreSQL checks only later writes.
 */
async function dropConstraints(sql: Sql): Promise<() => Promise<void>> {
  const constraints = await sql<{ name: string; owner: string; kind: string; definition: string }[]>`
    select c.conname as name, c.conrelid::regclass::text as owner, c.contype::text as kind, pg_get_constraintdef(c.oid) as definition
    from pg_constraint c
    where c.contype in ('p', 'u', 'f') and (c.conrelid::regclass::text = any (${BIG}) or c.confrelid::regclass::text = any (${BIG}))
    order by c.contype = 'f' desc`;
  const indexes = await sql<{ name: string; definition: string }[]>`
    select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
    from pg_index i
    where i.indrelid::regclass::text = any (${BIG})
      and not exists (select from pg_constraint c where c.conindid = i.indexrelid and c.contype in ('p', 'u'))`;
  for (const { owner, name } of constraints) await sql.unsafe(`alter table ${owner} drop constraint ${name}`);
  for (const { name } of indexes) await sql.unsafe(`drop index ${name}`);
  return async () => {
    await sql.unsafe("set maintenance_work_mem = '1GB'");
    for (const { owner, name, definition } of constraints.filter(({ kind }) => kind !== "f")) {
      await sql.unsafe(`alter table ${owner} add constraint ${name} ${definition}`);
    }
    for (const { definition } of indexes) await sql.unsafe(definition);
    for (const { owner, name, definition } of constraints.filter(({ kind }) => kind === "f")) {
      await sql.unsafe(`alter table ${owner} add constraint ${name} ${definition} not valid`);
    }
    for (const table of ["slabs", "sectors", "objects"]) {
      await sql.unsafe(
        `select setval(pg_get_serial_sequence('${table}', 'id'), (select max(id) from ${table}))`,
      );
    }
    await sql.unsafe("reset maintenance_work_mem");
  };
}

/** The hosts in an order that looks random and is the same in each run. */
function shuffled(hosts: readonly SeededHost[]): SeededHost[] {
  const key = (place: number): string => createHash("sha256").update(String(place)).digest("hex");
  return hosts
    .map((host, place) => ({ host, key: key(place) }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ host }) => host);
}

/** Marks all sectors of these hosts as lost, as indexd does. */
export async function loseHosts(sql: Sql, hosts: readonly SeededHost[]): Promise<number> {
  const hostIds = hosts.map(({ id }) => id);
  const result = await sql`
    update sectors set host_id = null, contract_sectors_map_id = null where host_id = any (${hostIds}::integer[])`;
  await sql`update hosts set unpinned_sectors = 0 where id = any (${hostIds}::integer[])`;
  await sql`
    insert into hosts_blocklist (public_key, reasons) select public_key, '{Uptime}' from hosts where id = any (${hostIds}::integer[])
    on conflict do nothing`;
  await sql`update contracts set good = false where host_id = any (${hostIds}::integer[])`;
  await sql.unsafe("analyze sectors");
  return result.count;
}
