/**
 * The predicates on hosts and contracts exist in TypeScript and in SQL. Here both versions judge the same random rows.
 */
import fc from "fast-check";
import type { TransactionSql } from "postgres";
import { beforeAll, expect, test } from "vitest";
import { isGoodForAppend } from "../../../lib/database/indexd/append-contract.ts";
import { isHealthyContract } from "../../../lib/database/indexd/contract-health.ts";
import { judgeNetwork } from "../../../lib/database/indexd/network-snapshot.ts";
import { readPredicateStatements } from "../../../lib/database/indexd/predicates-sql.ts";
import { readRawNetwork } from "../../../lib/database/indexd/read-raw-network.ts";
import { useDatabase } from "../../support/database.ts";
import { rolledBack } from "./rolled-back.ts";

/** A run has 1 to 50 hosts, so all runs together have about 1500. */
const RUNS = 60;
const MOST_HOSTS = 50;
const SECTOR = 4_194_304n;

const database = useDatabase({ max: 1 });
beforeAll(async () => {
  await database.sql`create schema if not exists slabmend`;
  for (const statement of readPredicateStatements()) await database.sql.unsafe(statement);
});

/** A random value: mostly the boundary itself, often a neighbouring value, sometimes a distant value. */
const around = (boundary: bigint): fc.Arbitrary<bigint> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(boundary) },
    { weight: 2, arbitrary: fc.constantFrom(boundary + 1n, boundary > 0n ? boundary - 1n : 0n) },
    { weight: 1, arbitrary: fc.constantFrom(0n, boundary * 2n, 2n ** 62n) },
  );

const mostly = <Value>(value: Value, ...others: Value[]): fc.Arbitrary<Value> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(value) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );

/** A time with microseconds, as PostgreSQL reads it. */
const SCANNED = "2026-03-01 12:00:00.123456+00";

const hostArbitrary = fc.record({
  recent_uptime: mostly(0.9, 0.8999999999999999, 0.99),
  last_successful_scan: mostly<string | null>(SCANNED, null, "2026-03-01 12:00:00.123457+00"),
  settings_valid_until: mostly<string | null>(
    "2026-03-01 12:15:00.123456+00",
    null,
    "2026-03-01 12:15:00.123455+00",
  ),
  stuck_since: mostly<string | null>(null, SCANNED),
  has_quic: mostly(true, false),
  has_siamux: mostly(true, false),
  settings_protocol_version: mostly("\\x050002", "\\x050001", "\\x050100", "\\x04ffff", "\\xff0000"),
  settings_accepting_contracts: mostly(true, false),
  settings_max_contract_duration: around(6048n),
  settings_max_collateral: fc.oneof(around(200n * 10n ** 12n * 6048n), fc.bigInt(0n, 2n ** 128n - 1n)),
  settings_collateral: around(200n),
  settings_storage_price: around(100n),
  settings_ingress_price: around(400n),
  settings_egress_price: around(500n),
  settings_contract_price: around(10n ** 24n),
  settings_free_sector_price: around(4n * 10n ** 18n),
  settings_remaining_storage: mostly(1n, 0n),
  blocked: mostly(false, true),
});

const contractArbitrary = fc.record({
  state: mostly(1, 0, 2, 3, 4),
  good: mostly(true, false),
  renewed: mostly(false, true),
  proof_height: fc.oneof(fc.constant(9000n), around(3016n), around(1000n)),
  lifetime: fc.constantFrom(144n, 0n, -8000n, -8001n, -100n),
  size: fc.oneof(
    fc.constant(SECTOR),
    fc.bigInt(0n, 2_200_000n).map((sectors) => sectors * SECTOR),
  ),
  room: fc.constantFrom(0n, 0n, 1n),
  remaining_allowance: around(100n * SECTOR * 8144n + 400n * 4096n),
  free_collateral: around(200n * SECTOR * 8144n),
  used_collateral: fc.constantFrom(0n, 77n),
});

const settingsArbitrary = fc.record({
  scanned_height: fc.constantFrom(1000n, 1001n, 999n),
  contracts_period: fc.constantFrom(6048, 6049),
  contracts_renew_window: fc.constantFrom(2016, 2015),
  hosts_min_protocol_version: mostly<string | null>("\\x050002", null, "\\x050100"),
  hosts_min_collateral: mostly<bigint | null>(200n, 201n, null),
  hosts_max_storage_price: mostly<bigint | null>(100n, 99n, null),
  hosts_max_ingress_price: mostly<bigint | null>(400n, null),
  hosts_max_egress_price: mostly<bigint | null>(500n, null),
});

const json = (rows: readonly object[]): string =>
  JSON.stringify(rows, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));

const key = (n: number): string => `\\x${n.toString(16).padStart(64, "0")}`;

type Fleet = readonly {
  host: typeof hostArbitrary extends fc.Arbitrary<infer Host> ? Host : never;
  contracts: readonly (typeof contractArbitrary extends fc.Arbitrary<infer Contract> ? Contract : never)[];
}[];

async function insertFleet(sql: TransactionSql, fleet: Fleet): Promise<void> {
  const hosts = fleet.map(({ host }, n) => ({
    ...host,
    id: n + 1,
    public_key: key(n + 1),
    last_announcement: SCANNED,
  }));
  const { blocked: _blocked, ...columns } = hosts[0]!;
  const names = Object.keys(columns).join(", ");
  await sql.unsafe(
    `insert into hosts (${names}) select ${names} from json_populate_recordset(null::hosts, $1::text::json)`,
    [json(hosts)],
  );
  await sql`
    insert into hosts_blocklist (public_key)
    select k::bytea from unnest(${hosts.filter((host) => host.blocked).map((host) => host.public_key)}::text[]) k`;
  const contracts = fleet.flatMap(({ contracts }, n) =>
    contracts.map(({ lifetime, room, free_collateral, renewed, ...contract }) => ({
      ...contract,
      host_id: n + 1,
      expiration_height: contract.proof_height + lifetime,
      capacity: contract.size + room,
      total_collateral: contract.used_collateral + free_collateral,
      renewed,
    })),
  );
  await sql.unsafe(
    `with rows as (
       select row_number() over () as n, r from json_array_elements($1::text::json) r
     )
     insert into contracts (host_id, contract_id, state, good, proof_height, expiration_height, size, capacity,
       remaining_allowance, used_collateral, total_collateral, contract_price, initial_allowance, miner_fee, raw_revision)
     select (r->>'host_id')::int, decode(lpad(to_hex(n), 64, '0'), 'hex'), (r->>'state')::smallint, (r->>'good')::boolean,
       (r->>'proof_height')::bigint, (r->>'expiration_height')::bigint, (r->>'size')::bigint, (r->>'capacity')::bigint,
       (r->>'remaining_allowance')::numeric, (r->>'used_collateral')::numeric, (r->>'total_collateral')::numeric, 0, 0, 0, ''
     from rows`,
    [json(contracts)],
  );
  // A renewed contract refers to its successor. The predicates ask only whether there is a successor, so here each
  // renewed contract refers to itself.
  const renewed = contracts.flatMap((contract, n) => (contract.renewed ? [key(n + 1).slice(2)] : []));
  await sql`
    update contracts set renewed_to = contract_id where contract_id in
      (select decode(k, 'hex') from unnest(${renewed}::text[]) k)`;
}

test("SQL and TypeScript agree on more than a thousand random hosts and their contracts", async () => {
  let usable = 0;
  let appendable = 0;
  let judged = 0;
  await fc.assert(
    fc.asyncProperty(
      settingsArbitrary,
      fc.array(fc.record({ host: hostArbitrary, contracts: fc.array(contractArbitrary, { maxLength: 3 }) }), {
        minLength: 1,
        maxLength: MOST_HOSTS,
        size: "max",
      }),
      async (settings, fleet) => {
        await rolledBack(database.sql, async (sql) => {
          const names = Object.keys(settings).join(", ");
          await sql.unsafe(
            `update global_settings set (${names}) = (select ${names} from json_populate_record(null::global_settings, $1::text::json))`,
            [json([settings]).slice(1, -1)],
          );
          await insertFleet(sql, fleet);

          const raw = await readRawNetwork(sql);
          const snapshot = judgeNetwork(raw, { minHostDistanceKm: 0, takenAtMs: 0 });
          const hosts = await sql<
            Record<string, unknown>[]
          >`select * from slabmend.host_states() order by host_id`;
          expect(hosts.map(({ has_healthy_contract: _, good: __, ...host }) => host)).toEqual(
            [...snapshot.hosts.values()]
              .toSorted((a, b) => a.id - b.id)
              .map((host) => ({
                host_id: host.id,
                usable: host.usable,
                blocked: host.blocked,
                good_for_upload: host.goodForUpload,
                has_active_contract: host.hasActiveContract,
                has_append_contract: host.hasAppendContract,
              })),
          );
          const rows = new Map(raw.hosts.map((host) => [host.id, host]));
          const healthy = raw.contracts.filter((contract) => isHealthyContract(contract, raw.settings));
          for (const host of hosts) {
            expect(host["good"]).toBe(host["usable"] === true && host["blocked"] === false);
            expect(host["has_healthy_contract"]).toBe(
              healthy.some(({ hostId }) => hostId === host["host_id"]),
            );
          }
          const contracts = await sql<{ id: string; healthy: boolean; good_for_append: boolean }[]>`
            select encode(contract_id, 'hex') as id, healthy, good_for_append
            from slabmend.contract_states() where healthy or good_for_append order by contract_id`;
          expect(contracts.map((contract) => ({ ...contract }))).toEqual(
            healthy
              .map((contract) => ({
                id: contract.contractId as string,
                healthy: true,
                good_for_append: isGoodForAppend(contract, rows.get(contract.hostId)!, raw.settings),
              }))
              .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
          );
          judged += hosts.length;
          usable += hosts.filter((host) => host["usable"] === true).length;
          appendable += contracts.filter((contract) => contract.good_for_append).length;
        });
      },
    ),
    { numRuns: RUNS },
  );
  // The rows are useful only if they are on both sides of the boundaries.
  expect(judged).toBeGreaterThan(1000);
  expect(usable).toBeGreaterThan(20);
  expect(usable).toBeLessThan(judged - 20);
  expect(appendable).toBeGreaterThan(20);
});

test("no database object of ours depends on indexd's, so that indexd can migrate its tables", async () => {
  await rolledBack(database.sql, async (sql) => {
    const tables = await sql<{ name: string }[]>`
      select quote_ident(tablename) as name from pg_tables where schemaname = 'public'`;
    // Without cascade the drop fails if anything outside the list depends on a listed table.
    await sql.unsafe(`drop table ${tables.map(({ name }) => `public.${name}`).join(", ")}`);
  });
});

test("host_states and contract_states are inlined, so that conditions on them use indexd's indexes", async () => {
  const { sql } = database;
  await rolledBack(sql, async (transaction) => {
    await transaction`set local enable_seqscan = off`;
    const explain = async (query: string): Promise<string> =>
      (await transaction.unsafe<{ "QUERY PLAN": string }[]>(`explain ${query}`))
        .map((row) => row["QUERY PLAN"])
        .join("\n");
    expect(await explain("select usable from slabmend.host_states() where host_id = 7")).toContain(
      "hosts_pkey",
    );
    expect(
      await explain("select healthy from slabmend.contract_states() where contract_id = '\\x00'"),
    ).toContain("contracts_contract_id_key");
  });
});
