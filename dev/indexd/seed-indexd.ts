/**
 * Functions that insert rows into indexd's tables, for tests and the demo: hosts, contracts, slabs, objects, accounts.
 * By default the rows are healthy. The functions also update `stats` and the hosts' counters as indexd would
 * (seed-statistics.ts reads and checks them).
 *
 * ```ts
 * const fleet = await seedNetwork(sql, { hosts: 40 });
 * const [slab] = await seedSlabs(sql, { minShards: 10, slabs: [placeOn(fleet.slice(0, 30))] });
 * ```
 */
import { randomBytes } from "node:crypto";
import type { ISql } from "postgres";
import {
  type ContractId,
  type ContractMapId,
  type HostId,
  type HostKey,
  hexOf,
  idBytes,
  type Root,
  type SectorId,
  type SlabDigest,
  type SlabId,
} from "../../lib/slab/ids.ts";

type Sql = ISql;

/**
 * Values for any columns of a table, by the column's name. The values have the types of postgres.js: numeric and bigint
 * are text or a BigInt.
 */
export type Columns = Readonly<Record<string, unknown>>;

export interface SeededHost {
  readonly id: HostId;
  readonly hostKey: HostKey;
  /** The contract that {@link seedHost} inserted, if it inserted one. */
  readonly contract: SeededContract | undefined;
}

export interface SeededContract {
  readonly id: number;
  readonly contractId: ContractId;
  /** `contract_sectors_map.id`, to which sectors are pinned. */
  readonly mapId: ContractMapId;
}

export interface HostSeed {
  readonly hostKey?: HostKey;
  /** Addresses for siamux, each `host:port`. Default: one address at which nothing listens. */
  readonly addresses?: readonly string[];
  readonly quicAddresses?: readonly string[];
  /** Default: far from every other seeded host. */
  readonly location?: { readonly latitude: number; readonly longitude: number };
  readonly blocked?: boolean;
  /** Columns of `hosts` that differ from a usable host's. */
  readonly columns?: Columns;
  /** Columns of the host's contract that differ from those of a good contract; `null`: the host has no contract. */
  readonly contract?: Columns | null;
}

/**
 * A host that passes all of indexd's checks: it was scanned, accepts contracts, has prices below every default limit,
 * and 1 TiB is free.
 */
const USABLE_HOST: Columns = {
  recent_uptime: 0.99,
  has_quic: true,
  has_siamux: true,
  settings_protocol_version: Buffer.from([5, 1, 0]),
  settings_release: "local",
  settings_accepting_contracts: true,
  settings_max_contract_duration: 12_960,
  settings_remaining_storage: 262_144,
  settings_total_storage: 524_288,
  // 0.2 SC per contract; storage 100 SC/TB/month, and collateral twice that; traffic 10 SC/TB to the host and 100 SC/TB
  // from it.
  settings_contract_price: "200000000000000000000000",
  settings_max_collateral: "1000000000000000000000000000000",
  settings_collateral: "46296296296",
  settings_storage_price: "23148148148",
  settings_ingress_price: "10000000000000",
  settings_egress_price: "100000000000000",
  settings_free_sector_price: "1000000000000",
};

/** A contract that is good for appending at heights below 10,000. */
const GOOD_CONTRACT: Columns = {
  proof_height: 20_000,
  expiration_height: 20_144,
  state: 1,
  capacity: 4_294_967_296,
  size: 0,
  contract_price: "0",
  initial_allowance: "1000000000000000000000000000",
  remaining_allowance: "1000000000000000000000000000",
  miner_fee: "0",
  used_collateral: "0",
  total_collateral: "1000000000000000000000000000",
  good: true,
  raw_revision: Buffer.alloc(392),
};

const random32 = (): Buffer => randomBytes(32);

/**
 * Spreads hosts over a grid of whole degrees, from 60 degrees south to 59 north, so that they are at least 50 km apart.
 */
function spacedLocation(n: number): { latitude: number; longitude: number } {
  return { latitude: (n % 120) - 60, longitude: (Math.floor(n / 120) % 360) - 180 };
}

/**
 * Inserts one host with its addresses and, unless `contract` is null, one contract with its row in
 * `contract_sectors_map`.
 */
export async function seedHost(sql: Sql, seed: HostSeed = {}): Promise<SeededHost> {
  const key = seed.hostKey === undefined ? random32() : Buffer.from(idBytes(seed.hostKey));
  const columns = { ...USABLE_HOST, ...seed.columns, public_key: key };
  const [host] = await sql<{ id: number }[]>`
    insert into hosts ${sql({
      last_announcement: new Date(),
      last_successful_scan: new Date(),
      settings_valid_until: new Date(Date.now() + 30 * 60_000),
      ...columns,
    } as never)}
    returning id`;
  const id = host!.id as HostId;
  const { latitude, longitude } = seed.location ?? spacedLocation(id);
  await sql`update hosts set location = point(${latitude}::float8, ${longitude}::float8) where id = ${id}`;
  const addresses = [
    ...(seed.addresses ?? ["127.0.0.1:1"]).map((address) => ({ address, protocol: 1 })),
    ...(seed.quicAddresses ?? []).map((address) => ({ address, protocol: 2 })),
  ];
  for (const { address, protocol } of addresses) {
    await sql`insert into host_addresses (host_id, net_address, protocol) values (${id}, ${address}, ${protocol})`;
  }
  const contract = seed.contract === null ? undefined : await seedContract(sql, id, seed.contract);
  if (seed.blocked === true) await blockHost(sql, hexOf(key) as HostKey);
  return { id, hostKey: hexOf(key) as HostKey, contract };
}

/** Inserts `hosts` hosts with {@link seedHost}, far from each other, by default each with a good contract. */
export async function seedNetwork(
  sql: Sql,
  fleet: { readonly hosts: number; readonly seed?: (n: number) => HostSeed },
): Promise<SeededHost[]> {
  const hosts: SeededHost[] = [];
  for (let n = 0; n < fleet.hosts; n++) {
    hosts.push(await seedHost(sql, { location: spacedLocation(n), ...fleet.seed?.(n) }));
  }
  return hosts;
}

/** Inserts a contract of a host, with its row in `contract_sectors_map`. */
export async function seedContract(sql: Sql, hostId: HostId, columns: Columns = {}): Promise<SeededContract> {
  const contractId = (columns["contract_id"] as Buffer | undefined) ?? random32();
  const row = { ...GOOD_CONTRACT, ...columns, host_id: hostId, contract_id: contractId };
  const [contract] = await sql<{ id: number; map_id: number }[]>`
    with c as (insert into contracts ${sql(row as never)} returning id, contract_id),
      m as (insert into contract_sectors_map (contract_id) select contract_id from c returning id)
    select c.id, m.id as map_id from c, m`;
  return {
    id: contract!.id,
    contractId: hexOf(contractId) as ContractId,
    mapId: contract!.map_id as ContractMapId,
  };
}

/**
 * Renews a contract as indexd does: inserts a row for the new contract and points the row of `contract_sectors_map` to
 * it, so that the sectors stay pinned to the same row.
 */
export async function renewContract(
  sql: Sql,
  hostId: HostId,
  old: SeededContract,
  columns: Columns = {},
): Promise<SeededContract> {
  const contractId = (columns["contract_id"] as Buffer | undefined) ?? random32();
  const row = {
    ...GOOD_CONTRACT,
    ...columns,
    host_id: hostId,
    contract_id: contractId,
    renewed_from: idBytes(old.contractId),
  };
  const [contract] = await sql<{ id: number }[]>`insert into contracts ${sql(row as never)} returning id`;
  await sql`update contracts set renewed_to = ${contractId}, state = 2 where id = ${old.id}`;
  await sql`update contract_sectors_map set contract_id = ${contractId} where id = ${old.mapId}`;
  return { id: contract!.id, contractId: hexOf(contractId) as ContractId, mapId: old.mapId };
}

/**
 * Adds a host's key to the blocklist and marks the host's contracts as not good. indexd would also remove the host's
 * unpinned sectors; here they stay, as when an operator blocks a host by SQL.
 */
export async function blockHost(
  sql: Sql,
  hostKey: HostKey,
  reasons: readonly string[] = ["Uptime"],
): Promise<void> {
  const key = idBytes(hostKey);
  await sql`
    insert into hosts_blocklist (public_key, reasons) values (${key}, ${reasons as string[]}) on conflict do nothing`;
  await sql`update contracts set good = false where host_id = (select id from hosts where public_key = ${key})`;
}

/** Sets `global_settings.scanned_height`, the height that decides whether contracts are still good. */
export async function setScannedHeight(sql: Sql, height: bigint | number): Promise<void> {
  await sql`update global_settings set scanned_height = ${String(height)}`;
}

/** The location of one sector of a slab. */
export interface SectorSeed {
  /** Null: lost. */
  readonly hostId: HostId | null;
  /** Null: unpinned. */
  readonly mapId: ContractMapId | null;
  /** Default: random. If the root exists already, the slab shares that sector, which keeps its host and map id. */
  readonly root?: Root;
  /**
   * Columns of `sectors` that differ from the defaults. Leave them out for a sector that is shared with a slab inserted
   * earlier.
   */
  readonly columns?: Columns;
}

export interface SlabSeed {
  readonly minShards?: number;
  readonly sectors: readonly SectorSeed[];
  readonly encryptionKey?: Uint8Array;
  /** Default: random, because the database does not verify digests. */
  readonly digest?: SlabDigest;
  /** Columns of `slabs` that shall differ from the defaults; by default the slab may be claimed at once. */
  readonly columns?: Columns;
}

export interface SeededSlab {
  readonly id: SlabId;
  readonly digest: SlabDigest;
  /** In slab order. */
  readonly sectors: readonly { readonly id: SectorId; readonly root: Root }[];
}

/**
 * Places one sector on each of these hosts, pinned to the host's seeded contract; unpinned if the host has no contract.
 */
export function placeOn(hosts: readonly SeededHost[]): SectorSeed[] {
  return hosts.map((host) => ({ hostId: host.id, mapId: host.contract?.mapId ?? null }));
}

/** A lost sector. */
export const LOST: SectorSeed = { hostId: null, mapId: null };

/**
 * Inserts slabs and their sectors in a few statements. `next_repair_attempt` lies two hours in the past, so that the
 * slabs may be claimed at once, even if indexd's grace period applies.
 */
export async function seedSlabs(
  sql: Sql,
  { slabs, minShards = 10 }: { readonly slabs: readonly SlabSeed[]; readonly minShards?: number },
): Promise<SeededSlab[]> {
  const planned = slabs.map((slab) => {
    const roots = slab.sectors.map((sector) => sector.root ?? (hexOf(random32()) as Root));
    return {
      slab,
      roots,
      encryptionKey: slab.encryptionKey ?? random32(),
      k: slab.minShards ?? minShards,
      digest: slab.digest ?? (hexOf(random32()) as SlabDigest),
    };
  });
  const sectors = planned.flatMap(({ slab, roots }) =>
    slab.sectors.map((sector, index) => ({ sector, root: Buffer.from(idBytes(roots[index]!)) })),
  );
  // If a root occurs several times, its first entry decides what is inserted; later entries share that row.
  const distinct = [...Map.groupBy(sectors, (entry) => entry.root.toString("hex")).values()].map(
    ([first]) => first!,
  );
  const inserted = await sql<{ id: string; sector_root: Buffer; host_id: number | null; pinned: boolean }[]>`
    insert into sectors (sector_root, host_id, contract_sectors_map_id, next_integrity_check, uploaded_at)
    select root, host_id, map_id, now() + interval '14 days', now() - interval '1 hour'
    from unnest(${sql.array(
      distinct.map((entry) => entry.root),
      1001,
    )}::bytea[],
      ${distinct.map((entry) => entry.sector.hostId)}::integer[],
      ${distinct.map((entry) => entry.sector.mapId)}::integer[]) with ordinality as s (root, host_id, map_id, n)
    order by n
    on conflict (sector_root) do nothing
    returning id::text, sector_root, host_id, contract_sectors_map_id is not null as pinned`;
  for (const { sector, root } of distinct) {
    if (sector.columns !== undefined) {
      await sql`update sectors set ${sql(sector.columns as never)} where sector_root = ${root}`;
    }
  }
  const slabRows = await sql<{ id: string; digest: Buffer }[]>`
    insert into slabs (digest, encryption_key, min_shards, next_repair_attempt)
    select digest, encryption_key, min_shards, now() - interval '2 hours'
    from unnest(${sql.array(
      planned.map((plan) => Buffer.from(idBytes(plan.digest))),
      1001,
    )}::bytea[],
      ${sql.array(
        planned.map((plan) => Buffer.from(plan.encryptionKey)),
        1001,
      )}::bytea[],
      ${planned.map((plan) => plan.k)}::smallint[]) with ordinality as s (digest, encryption_key, min_shards, n)
    order by n
    returning id::text, digest`;
  const slabIds = new Map(slabRows.map((row) => [hexOf(row.digest), row.id]));
  for (const { slab, digest } of planned) {
    if (slab.columns !== undefined) {
      await sql`update slabs set ${sql(slab.columns as never)} where id = ${slabIds.get(digest)!}`;
    }
  }
  const links = planned.flatMap(({ roots, digest }) =>
    roots.map((root, index) => ({ slabId: slabIds.get(digest)!, root: Buffer.from(idBytes(root)), index })),
  );
  const linked = await sql<{ root: Buffer; id: string }[]>`
    with links as (
      select * from unnest(${links.map((link) => link.slabId)}::bigint[],
        ${sql.array(
          links.map((link) => link.root),
          1001,
        )}::bytea[],
        ${links.map((link) => link.index)}::smallint[]) as l (slab_id, root, slab_index)
    ), inserted as (
      insert into slab_sectors (slab_id, sector_id, slab_index)
      select l.slab_id, s.id, l.slab_index from links l join sectors s on s.sector_root = l.root
    )
    select distinct l.root, s.id::text from links l join sectors s on s.sector_root = l.root`;
  await countSeeded(sql, slabRows.length, inserted);
  const sectorIds = new Map(linked.map((row) => [hexOf(row.root), BigInt(row.id) as SectorId]));
  return planned.map(({ digest, roots }) => ({
    id: BigInt(slabIds.get(digest)!) as SlabId,
    digest,
    sectors: roots.map((root) => ({ id: sectorIds.get(root)!, root })),
  }));
}

/** Inserts one slab, as {@link seedSlabs} does. */
export async function seedSlab(sql: Sql, slab: SlabSeed): Promise<SeededSlab> {
  const [seeded] = await seedSlabs(sql, { slabs: [slab] });
  return seeded!;
}

/** Adds the inserted slabs and sectors to the statistics, as indexd does when it pins slabs. */
async function countSeeded(
  sql: Sql,
  slabs: number,
  sectors: readonly { host_id: number | null; pinned: boolean }[],
): Promise<void> {
  const unpinned = sectors.filter((sector) => sector.host_id !== null && !sector.pinned);
  const counts: readonly (readonly [string, number])[] = [
    ["num_slabs", slabs],
    ["num_pinned_sectors", sectors.filter((sector) => sector.pinned).length],
    ["num_unpinned_sectors", unpinned.length],
    ["num_unpinnable_sectors", sectors.filter((sector) => sector.host_id === null).length],
  ];
  for (const [name, count] of counts) {
    await sql`update stats set stat_value = stat_value + ${count} where stat_name = ${name}`;
  }
  const hostIds = unpinned.map((sector) => sector.host_id!);
  await sql`
    update hosts set unpinned_sectors = unpinned_sectors + n
    from (select id, count(*) as n from unnest(${hostIds}::integer[]) as u (id) group by id) u where u.id = hosts.id`;
}

/** Inserts an account that can own objects and pin slabs. */
export async function seedAccount(sql: Sql): Promise<number> {
  const [account] = await sql<{ id: number }[]>`
    with k as (
      insert into app_connect_keys (user_secret, app_key, use_description, quota_name)
      values (${random32()}, ${random32().toString("hex")}, 'local', 'default') returning id
    )
    insert into accounts (public_key, connect_key_id, max_pinned_data)
    select ${random32()}, k.id, 1000000000000 from k returning id`;
  return account!.id;
}

export interface SeededObject {
  readonly id: bigint;
  readonly objectKey: Buffer;
}

/**
 * Inserts an object that consists of these slabs, with its event; its account pins the slabs. `eventAt` is the event's
 * time; by default it is an hour ago, so that a test can see a later bump.
 */
export async function seedObject(
  sql: Sql,
  object: {
    readonly accountId: number;
    readonly slabs: readonly (Pick<SeededSlab, "id" | "digest"> & {
      /** The part of the slab's data that belongs to the object, in bytes; default: the first page. */
      readonly part?: { readonly offset: number; readonly length: number };
    })[];
    readonly objectKey?: Buffer;
    readonly eventAt?: Date;
    readonly wasDeleted?: boolean;
  },
): Promise<SeededObject> {
  const objectKey = object.objectKey ?? random32();
  const [row] = await sql<{ id: string }[]>`
    insert into objects (object_key, account_id, encrypted_data_key, data_signature, meta_signature)
    values (${objectKey}, ${object.accountId}, ${randomBytes(72)}, ${randomBytes(64)}, ${randomBytes(64)})
    returning id::text`;
  for (const [index, slab] of object.slabs.entries()) {
    const { offset, length } = slab.part ?? { offset: 0, length: 4096 };
    await sql`
      insert into object_slabs (object_id, slab_digest, slab_index, slab_offset, slab_length)
      values (${row!.id}, ${Buffer.from(slab.digest, "hex")}, ${index}, ${offset}, ${length})`;
    await sql`
      insert into account_slabs (account_id, slab_id) values (${object.accountId}, ${String(slab.id)})
      on conflict do nothing`;
  }
  const eventAt = object.eventAt ?? new Date(Date.now() - 3_600_000);
  await sql`
    insert into object_events (object_key, account_id, was_deleted, updated_at)
    values (${objectKey}, ${object.accountId}, ${object.wasDeleted ?? false}, date_trunc('second', ${eventAt}::timestamptz))`;
  return { id: BigInt(row!.id), objectKey };
}
