import type { ISql } from "postgres";
import { type HostId, parseContractId, parseHostKey } from "../../slab/ids.ts";
import { notIndexd } from "./errors.ts";
import type { ContractRow, HostRow, SettingsRow } from "./raw-rows.ts";

export interface RawNetwork {
  readonly settings: SettingsRow;
  readonly hosts: readonly HostRow[];
  /** Contracts that are pending or active by their state, and not renewed; no other contract can be healthy. */
  readonly contracts: readonly ContractRow[];
}

/** A row as it is sent in JSON: integers of 64 bits as text, because JSON numbers are not exact for them. */
type InJson<Row> = {
  readonly [Key in keyof Row]: Row[Key] extends bigint
    ? string
    : Row[Key] extends bigint | null
      ? string | null
      : Row[Key];
};

/**
 * Reads every host, every contract that may be active, and the settings, in one statement and so in one snapshot; needs
 * no transaction and no session, so it works behind a transaction pooler. Takes no locks. Needs slabmend's schema,
 * which holds the drains.
 *
 * Reads all of hosts, host_addresses and hosts_blocklist (about a thousand rows), and contracts by their partial
 * indexes on `state in (0, 1) and renewed_to is null`.
 */
export async function readRawNetwork(sql: ISql): Promise<RawNetwork> {
  const rows = await sql<
    { settings: InJson<SettingsRow>; hosts: InJson<HostRow>[]; contracts: InJson<ContractRow>[] }[]
  >`
    select
      (
        select to_json(g) from (
          select
            scanned_height::text as "scannedHeight",
            contracts_period::text as "contractsPeriodBlocks",
            contracts_renew_window::text as "contractsRenewWindowBlocks",
            encode(hosts_min_protocol_version, 'hex') as "minProtocolVersion",
            hosts_min_collateral::text as "minCollateral",
            hosts_max_storage_price::text as "maxStoragePrice",
            hosts_max_ingress_price::text as "maxIngressPrice",
            hosts_max_egress_price::text as "maxEgressPrice"
        ) g
      ) as settings,
      (
        select coalesce(json_agg(h), '[]') from (
          select
            hosts.id,
            encode(hosts.public_key, 'hex') as "hostKey",
            array(
              select net_address from public.host_addresses a
              where a.host_id = hosts.id and a.protocol = 1 order by a.id
            ) as addresses,
            location[0] as latitude,
            location[1] as longitude,
            blocked.public_key is not null as blocked,
            stuck_since is not null as stuck,
            recent_uptime as "recentUptime",
            (extract(epoch from last_successful_scan) * 1000000)::bigint::text as "lastSuccessfulScanUs",
            has_quic as "hasQuic",
            has_siamux as "hasSiamux",
            unpinned_sectors as "unpinnedSectors",
            case when draining.is_paused then 'paused' when draining.host_id is not null then 'running' end as drain,
            encode(settings_protocol_version, 'hex') as "protocolVersion",
            settings_accepting_contracts as "acceptingContracts",
            settings_max_collateral::text as "maxCollateral",
            settings_max_contract_duration::text as "maxContractDurationBlocks",
            settings_remaining_storage::text as "remainingStorageSectors",
            settings_contract_price::text as "contractPrice",
            settings_collateral::text as "collateral",
            settings_storage_price::text as "storagePrice",
            settings_ingress_price::text as "ingressPrice",
            settings_egress_price::text as "egressPrice",
            settings_free_sector_price::text as "freeSectorPrice",
            settings_tip_height::text as "tipHeight",
            (extract(epoch from settings_valid_until) * 1000000)::bigint::text as "validUntilUs",
            encode(settings_signature, 'hex') as "signature"
          from public.hosts
          left join public.hosts_blocklist blocked on blocked.public_key = hosts.public_key
          left join slabmend.draining_hosts() draining on draining.host_id = hosts.id
        ) h
      ) as hosts,
      (
        select coalesce(json_agg(c), '[]') from (
          select
            encode(contract_id, 'hex') as "contractId",
            host_id as "hostId",
            state,
            good,
            renewed_to is not null as renewed,
            proof_height::text as "proofHeight",
            expiration_height::text as "expirationHeight",
            capacity::text as "capacityBytes",
            size::text as "sizeBytes",
            remaining_allowance::text as "remainingAllowance",
            used_collateral::text as "usedCollateral",
            total_collateral::text as "totalCollateral"
          from public.contracts
          where state in (0, 1) and renewed_to is null
        ) c
      ) as contracts
    from public.global_settings where id = 0`;
  const [row] = rows;
  if (row === undefined) throw notIndexd();
  return {
    settings: settingsOf(row.settings),
    hosts: row.hosts.map(hostOf),
    contracts: row.contracts.map(contractOf),
  };
}

const integerOrNull = (text: string | null): bigint | null => (text === null ? null : BigInt(text));

function settingsOf(row: InJson<SettingsRow>): SettingsRow {
  return {
    scannedHeight: BigInt(row.scannedHeight),
    contractsPeriodBlocks: BigInt(row.contractsPeriodBlocks),
    contractsRenewWindowBlocks: BigInt(row.contractsRenewWindowBlocks),
    minProtocolVersion: row.minProtocolVersion,
    minCollateral: integerOrNull(row.minCollateral),
    maxStoragePrice: integerOrNull(row.maxStoragePrice),
    maxIngressPrice: integerOrNull(row.maxIngressPrice),
    maxEgressPrice: integerOrNull(row.maxEgressPrice),
  };
}

function hostOf(row: InJson<HostRow>): HostRow {
  return {
    ...row,
    id: row.id as HostId,
    hostKey: parseHostKey(row.hostKey),
    // PostgreSQL sends NaN and infinity as text, because JSON has no such numbers.
    latitude: Number(row.latitude),
    longitude: Number(row.longitude),
    recentUptime: Number(row.recentUptime),
    lastSuccessfulScanUs: integerOrNull(row.lastSuccessfulScanUs),
    maxCollateral: BigInt(row.maxCollateral),
    maxContractDurationBlocks: BigInt(row.maxContractDurationBlocks),
    remainingStorageSectors: BigInt(row.remainingStorageSectors),
    contractPrice: BigInt(row.contractPrice),
    collateral: BigInt(row.collateral),
    storagePrice: BigInt(row.storagePrice),
    ingressPrice: BigInt(row.ingressPrice),
    egressPrice: BigInt(row.egressPrice),
    freeSectorPrice: BigInt(row.freeSectorPrice),
    tipHeight: BigInt(row.tipHeight),
    validUntilUs: integerOrNull(row.validUntilUs),
  };
}

function contractOf(row: InJson<ContractRow>): ContractRow {
  return {
    ...row,
    contractId: parseContractId(row.contractId),
    proofHeight: BigInt(row.proofHeight),
    expirationHeight: BigInt(row.expirationHeight),
    capacityBytes: BigInt(row.capacityBytes),
    sizeBytes: BigInt(row.sizeBytes),
    remainingAllowance: BigInt(row.remainingAllowance),
    usedCollateral: BigInt(row.usedCollateral),
    totalCollateral: BigInt(row.totalCollateral),
  };
}
