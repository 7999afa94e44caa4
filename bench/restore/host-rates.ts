/** Measures what a restore asks hosts for: contracts, sectors that the archive names, and sectors of a scan. */
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signedContract } from "../../dev/rhp4/signed-contract.ts";
import { createDirectoryStorage } from "../../lib/archive/directory-storage.ts";
import type { Ask } from "../../lib/database/client/deadline-client.ts";
import { beginRestore } from "../../lib/database/restore/restore-writes.ts";
import { type RestoreScope, restoreStatisticsOf } from "../../lib/jobs/restore/restore-run.ts";
import { encodeFileContract } from "../../lib/rhp4/file-contract.ts";
import { journalRow, writeArchive } from "../../test/jobs/restore/journal-row.ts";
import type { RepairWorld, StoredSlab } from "../../test/support/repair-world.ts";
import { withRepairWorld } from "../with-repair-world.ts";
import { advanceTimed, perSecond, rounded } from "./restore-job.ts";

const HOSTS = 128;
const SHARDS = 30;
const LATENCY_MS = 50;
const WALLET = "5a".repeat(32);

/**
 * First scans for the sectors of slabs that have 30 sectors each. Then restores slabs that have one sector each, from
 * an archive that says to which host each sector moved.
 */
export function measureHosts(sectors: number): Promise<object> {
  return withRepairWorld(HOSTS, async (world) => {
    await signContracts(world);
    const scanned = Math.ceil(sectors / SHARDS);
    for (let n = 0; n < scanned; n += 1) {
      const on = world.hosts.toSorted(() => Math.random() - 0.5);
      await world.storeSlab({ minShards: 1, totalShards: SHARDS, on });
    }
    for (const { swarm } of world.hosts) await swarm.setSwitches({ latencyMs: LATENCY_MS });
    const scan = await measureScan(world, scanned * SHARDS);
    for (const { swarm } of world.hosts) await swarm.setSwitches({ latencyMs: 0 });
    const moved: StoredSlab[] = [];
    for (let n = 0; n < sectors; n += 1) {
      moved.push(await world.storeSlab({ minShards: 1, totalShards: 1, on: [world.hosts[n % HOSTS]!] }));
    }
    for (const { swarm } of world.hosts) await swarm.setSwitches({ latencyMs: LATENCY_MS });
    return { hosts: HOSTS, latencyMs: LATENCY_MS, ...scan, archive: await measureArchive(world, moved) };
  });
}

async function signContracts({ database: { sql }, hosts }: RepairWorld): Promise<void> {
  const renter = generateKeyPairSync("ed25519").privateKey;
  for (const { swarm, row } of hosts) {
    const contract = signedContract(renter, row.hostKey);
    const { contractId, id } = row.contract!;
    await sql`update contracts set raw_revision = ${Buffer.from(encodeFileContract(contract))} where id = ${id}`;
    await swarm.setContract(contractId, { contract, revisable: true, renewed: false });
  }
}

/**
 * Scans twice: first with every sector in place, then with one sector of each slab at another host than the database
 * names.
 */
async function measureScan({ database: { sql }, variables }: RepairWorld, sectors: number): Promise<object> {
  const ask: Ask = (statements) => statements(sql);
  const scope: RestoreScope = {
    archive: null,
    scan: { sectors, hosts: HOSTS, probes: 1_000_000 },
    contracts: HOSTS,
  };
  const once = async () => {
    await beginRestore(sql, { scope, owner: "bench", archivedIncarnation: 0 });
    const { run, seconds } = await advanceTimed(ask, { variables });
    return { found: restoreStatisticsOf(run), seconds };
  };
  const inPlace = await once();
  await sql`
    update sectors s set host_id = other.id, contract_sectors_map_id = other.map
    from slab_sectors ss
    cross join lateral (
      select h.id, m.id as map
      from hosts h join contracts c on c.host_id = h.id join contract_sectors_map m on m.contract_id = c.contract_id
      where h.id not in (select x.host_id from slab_sectors o join sectors x on x.id = o.sector_id where o.slab_id = ss.slab_id)
      order by h.id limit 1
    ) other
    where ss.sector_id = s.id and ss.slab_index = 0`;
  const missing = await once();
  const contracts = inPlace.found.contractsAsked;
  return {
    contracts: {
      asked: contracts,
      seconds: rounded(inPlace.seconds["contracts"]!),
      perSecond: perSecond(contracts, inPlace.seconds["contracts"]!),
    },
    scanInPlace: rateOf(inPlace),
    scanWithMissing: rateOf(missing),
  };
}

const rateOf = ({
  found,
  seconds,
}: {
  found: ReturnType<typeof restoreStatisticsOf>;
  seconds: Readonly<Record<string, number>>;
}) => ({
  sectors: found.sectorsScanned,
  placed: found.placed,
  notFound: found.notFound,
  probes: found.probes,
  seconds: rounded(seconds["scan"]!),
  sectorsPerSecond: perSecond(found.sectorsScanned, seconds["scan"]!),
  probesPerSecond: perSecond(found.probes, seconds["scan"]!),
});

/**
 * Writes an archive that names the host of each sector, makes the database name another host, and measures the restore.
 */
async function measureArchive(world: RepairWorld, slabs: readonly StoredSlab[]): Promise<object> {
  const { sql } = world.database;
  const folder = await mkdtemp(join(tmpdir(), "slabmend-bench-"));
  try {
    const storage = createDirectoryStorage(folder);
    const rows = slabs.map((slab, n) => {
      const { root } = slab.sectors[0]!;
      const from = world.hosts[(n + 1) % HOSTS]!.row.hostKey;
      const to = slab.hosts[0]!.row.hostKey;
      return journalRow(slab, n + 1, [{ index: 0, root, from, to, how: "rebuilt" }]);
    });
    await writeArchive(storage, rows, WALLET);
    for (const [n, slab] of slabs.entries()) {
      const { row } = world.hosts[(n + 1) % HOSTS]!;
      await sql`
        update sectors set host_id = ${row.id}, contract_sectors_map_id = ${row.contract!.mapId} where id = ${String(slab.sectors[0]!.id)}`;
    }
    const end = { incarnation: 1, position: rows.length };
    const scope: RestoreScope = {
      archive: { place: storage.place, walletHash: WALLET, after: null, end },
      scan: null,
      contracts: HOSTS,
    };
    await beginRestore(sql, { scope, owner: "bench", archivedIncarnation: 1 });
    const ask: Ask = (statements) => statements(sql);
    const { run, seconds } = await advanceTimed(ask, { variables: world.variables, archive: storage });
    const { placed, probes } = restoreStatisticsOf(run);
    const took = seconds["placements"]!;
    return { placed, probes, seconds: rounded(took), placedPerSecond: perSecond(placed, took) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
