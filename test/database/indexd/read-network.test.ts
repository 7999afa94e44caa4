import postgres from "postgres";
import { expect, test } from "vitest";
import { readNetworkSnapshot } from "../../../lib/database/indexd/network-snapshot.ts";
import { parseHostKey } from "../../../lib/slab/ids.ts";
import { useDatabase } from "../../support/database.ts";
import { seedContract, seedHost, setScannedHeight } from "../../support/seed-indexd.ts";

const database = useDatabase();

test("a network without hosts can be read", async () => {
  const fleet = await readNetworkSnapshot(database.sql, { minHostDistanceKm: 10, now: () => 1234 });
  expect(fleet).toEqual({
    height: 0n,
    hosts: new Map(),
    healthyContractIds: new Set(),
    // The price limits of a newly installed indexd.
    priceLimit: {
      egressPrice: 3_000n * 10n ** 12n,
      ingressPrice: 3_000n * 10n ** 12n,
      storagePrice: (3_000n * 10n ** 12n) / 4_320n,
    },
    minHostDistanceKm: 10,
    takenAtMs: 1234,
  });
});

test("a network snapshot has every host with its state, addresses, prices and contracts", async () => {
  const { sql } = database;
  await setScannedHeight(sql, 1000);
  const validUntil = new Date("2026-03-01T12:30:00.999Z");
  const good = await seedHost(sql, {
    addresses: ["host.example:9984", "[2001:db8::1]:9984"],
    quicAddresses: ["host.example:9984"],
    location: { latitude: 51.5, longitude: -0.125 },
    columns: {
      unpinned_sectors: 7,
      settings_valid_until: validUntil,
      last_successful_scan: new Date("2026-03-01T12:00:00Z"),
      settings_tip_height: "777",
      settings_signature: Buffer.alloc(64, 7),
    },
  });
  const renewing = await seedContract(sql, good.id, { proof_height: 3000, expiration_height: 3144 });
  const blocked = await seedHost(sql, { blocked: true });
  const unusable = await seedHost(sql, {
    columns: { has_quic: false, settings_egress_price: "9".repeat(39) },
  });
  const idle = await seedHost(sql, { contract: null, addresses: [] });
  const spent = await seedHost(sql, { contract: { good: false } });
  const expired = await seedHost(sql, { contract: { proof_height: 1000 } });
  const stuck = await seedHost(sql, { columns: { stuck_since: new Date() } });

  const fleet = await readNetworkSnapshot(sql, { minHostDistanceKm: 10 });
  expect(fleet.height).toBe(1000n);
  expect(fleet.hosts.size).toBe(7);
  expect(fleet.hosts.get(good.id)).toEqual({
    id: good.id,
    hostKey: parseHostKey(good.hostKey),
    addresses: ["host.example:9984", "[2001:db8::1]:9984"],
    latitude: 51.5,
    longitude: -0.125,
    usable: true,
    usabilityFailures: [],
    blocked: false,
    goodForUpload: true,
    hasActiveContract: true,
    hasAppendContract: true,
    storedPrices: {
      contractPrice: 200000000000000000000000n,
      collateral: 46296296296n,
      storagePrice: 23148148148n,
      ingressPrice: 10000000000000n,
      egressPrice: 100000000000000n,
      freeSectorPrice: 1000000000000n,
      tipHeight: 777n,
      validUntilSeconds: BigInt(Math.floor(validUntil.getTime() / 1000)),
      signature: new Uint8Array(64).fill(7),
    },
    unpinnedSectors: 7,
    drain: null,
  });
  const facts = (id: typeof good.id): unknown => {
    const host = fleet.hosts.get(id)!;
    return [host.usable, host.blocked, host.goodForUpload, host.hasActiveContract, host.hasAppendContract];
  };
  expect(facts(blocked.id)).toEqual([true, true, false, true, false]);
  expect(facts(unusable.id)).toEqual([false, false, false, true, true]);
  expect(fleet.hosts.get(unusable.id)!.usabilityFailures).toEqual(["QUIC", "EgressPrice"]);
  expect(fleet.hosts.get(unusable.id)!.storedPrices.egressPrice).toBe(10n ** 39n - 1n);
  expect(facts(idle.id)).toEqual([true, false, true, false, false]);
  expect(fleet.hosts.get(idle.id)!.addresses).toEqual([]);
  expect(facts(spent.id)).toEqual([true, false, true, true, false]);
  expect(facts(expired.id)).toEqual([true, false, true, false, false]);
  expect(facts(stuck.id)).toEqual([true, false, false, true, true]);
  // In the renew window a contract takes no more sectors, but the sectors already in the contract may stay.
  expect(fleet.healthyContractIds).toEqual(
    new Set([good, stuck].map((host) => host.contract!.contractId).concat(renewing.contractId)),
  );
});

test("a client that uses neither prepared statements nor session state reads the same snapshot", async () => {
  const pooled = postgres(database.url, { max: 1, prepare: false, fetch_types: false });
  try {
    const options = { minHostDistanceKm: 10, now: () => 0 };
    expect(await readNetworkSnapshot(pooled, options)).toEqual(
      await readNetworkSnapshot(database.sql, options),
    );
  } finally {
    await pooled.end();
  }
});

test("a thousand hosts and five thousand contracts are read", async () => {
  const { sql } = database;
  await sql`
    insert into hosts (public_key, last_announcement, last_successful_scan, settings_valid_until)
    select decode(lpad(to_hex(n), 64, '0'), 'hex'), now(), now(), now() + interval '1 hour' from generate_series(1, 1000) n`;
  await sql`
    insert into host_addresses (host_id, net_address, protocol) select id, 'h:1', 1 from hosts where settings_release = ''`;
  await sql`
    insert into contracts (host_id, contract_id, proof_height, expiration_height, contract_price, initial_allowance,
      miner_fee, total_collateral, raw_revision)
    select id, decode(lpad(to_hex(id * 8 + n), 64, '0'), 'hex'), 9000, 9144, 0, 0, 0, 0, ''
    from hosts, generate_series(1, 5) n where settings_release = ''`;
  const fleet = await readNetworkSnapshot(sql, { minHostDistanceKm: 10 });
  expect(fleet.hosts.size).toBe(1007);
  expect([...fleet.hosts.values()].filter((host) => host.hasActiveContract)).toHaveLength(1005);
});
