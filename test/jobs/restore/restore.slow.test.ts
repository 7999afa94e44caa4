/** A restore against hosts on loopback: the database is as a backup left it, the hosts as they are now. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { signedContract } from "../../../dev/rhp4/signed-contract.ts";
import { encodeManifest, manifestOf } from "../../../lib/archive/manifest.ts";
import { encodeSegment } from "../../../lib/archive/segment.ts";
import { systemClock } from "../../../lib/clock/clock.ts";
import { parseEnvironment } from "../../../lib/config/parse-environment.ts";
import type { Ask } from "../../../lib/database/client/deadline-client.ts";
import { readFleetMode } from "../../../lib/database/fleet/fleet-mode.ts";
import type { JournalRow } from "../../../lib/database/journal/read-journal-rows.ts";
import { beginRestore } from "../../../lib/database/restore/restore-writes.ts";
import { readRun, startRun } from "../../../lib/database/runs/maintenance-runs.ts";
import type { Run } from "../../../lib/database/runs/run.ts";
import { restoreStatisticsOf } from "../../../lib/jobs/restore/restore-run.ts";
import { encodeFileContract, type FileContract } from "../../../lib/rhp4/file-contract.ts";
import { renewalIdOf } from "../../../lib/rhp4/renewal-id.ts";
import { createLogger } from "../../../lib/telemetry/logger.ts";
import { MAINTENANCE_VARIABLES } from "../../../lib/worker/open-maintenance.ts";
import { openRestore } from "../../../lib/worker/open-restore.ts";
import { hex32 } from "../../database/journal/journal-rows.ts";
import {
  createRepairWorld,
  type RepairWorld,
  type StoredSlab,
  type WorldHost,
} from "../../support/repair-world.ts";
import { statisticsThatDisagree } from "../../support/seed-statistics.ts";
import { never, storageIn, useFolder, WALLET } from "../journal/archive-fixture.ts";

const folder = useFolder();
const logger = createLogger("fatal", { indexer: "default" });
const { privateKey: renter } = generateKeyPairSync("ed25519");
let world: RepairWorld;
let slab: StoredSlab;

beforeEach(async () => {
  world = await createRepairWorld({ hosts: 6 });
  slab = await world.storeSlab({ minShards: 2, totalShards: 4 });
  for (const host of world.hosts) await knowContract(host, { renewed: false });
});
afterEach(() => world?.stop());

const ask: Ask = (statements) => statements(world.database.sql);
const key = (host: WorldHost): string => host.row.hostKey;

/** What the fleet has done with a sector since the backup. */
async function moveBehindTheBackup(index: number, to: WorldHost): Promise<object> {
  const { root } = slab.sectors[index]!;
  const from = (await world.locations(slab))[index];
  await to.swarm.putSector(root, Buffer.from(await from!.swarm.readSectorFile(root)));
  return { index, root, from: key(from!), to: key(to), how: "rebuilt" };
}

function row(position: number, moves: readonly object[], lost: readonly object[] = []): JournalRow {
  const at = "2026-11-30T08:00:00.000000Z";
  return {
    incarnation: 1,
    position,
    token: `00000000-0000-4000-8000-${String(position).padStart(12, "0")}`,
    kind: "repair",
    slabId: String(slab.id),
    digest: slab.digest,
    outcome: "repaired",
    reportedOutcome: "repaired",
    error: null,
    moves,
    lost,
    dropped: [],
    bytesRead: 0,
    bytesWritten: 0,
    hastings: "0",
    phasesMs: {},
    worker: "w",
    leasedAt: at,
    beganAt: at,
    finishedAt: at,
  };
}

/** Archives the rows, and begins a restore from them. */
async function begin(rows: readonly JournalRow[]): Promise<bigint> {
  const storage = storageIn(folder);
  if (rows.length > 0) {
    const segment = encodeSegment(rows, { walletHash: WALLET, previous: null });
    await storage.create(segment.ref.key, segment.file, never);
    await storage.replaceHead(encodeManifest(manifestOf(segment)), undefined, never);
  }
  const end = { incarnation: 1, position: rows.length };
  const archive = rows.length === 0 ? null : { place: storage.place, walletHash: WALLET, after: null, end };
  const request = { scope: { archive, contracts: 0 }, owner: "test", archivedIncarnation: 1 };
  return await beginRestore(world.database.sql, request);
}

async function advance(step?: (name: string) => void): Promise<Run | undefined> {
  const coordinator = openRestore({
    environment: parseEnvironment(MAINTENANCE_VARIABLES, world.variables),
    archive: storageIn(folder),
    clock: systemClock,
    logger,
    signal: never,
    ...(step === undefined ? {} : { step }),
  });
  return await coordinator.advance(ask, 60_000).finally(() => coordinator.close());
}

/** Runs it to its end, and checks what must hold after every restore. */
async function restore(rows: readonly JournalRow[]) {
  await begin(rows);
  const run = await advance();
  expect(run).toMatchObject({ state: "done", error: null });
  expect(await statisticsThatDisagree(world.database.sql)).toEqual([]);
  return restoreStatisticsOf(run!);
}

const whereItIs = async (): Promise<(string | undefined)[]> =>
  (await world.locations(slab)).map((host) => host && key(host));
const firstHosts = (): string[] => world.hosts.slice(0, 4).map(key);

test("a restore places sectors by the archive and the hosts' proofs, and bumps events", async () => {
  const { sql } = world.database;
  const [, , , , fifth, sixth] = world.hosts;
  const first = await moveBehindTheBackup(0, fifth!);
  const second = await moveBehindTheBackup(0, sixth!);
  const third = await moveBehindTheBackup(1, fifth!);

  // Sector 0 moved on to the sixth host, and only then did sector 1 come to the fifth.
  const found = await restore([row(1, [first]), row(2, [second]), row(3, [third])]);

  expect(found).toMatchObject({
    recordsRead: 3,
    sectorsNamed: 2,
    placed: 2,
    alreadyRight: 0,
    denied: 0,
    refused: {},
  });
  expect(await whereItIs()).toEqual([key(sixth!), key(fifth!), ...firstHosts().slice(2)]);
  expect(await sql`select from slabmend.moved`).toEqual([]);
  const [journaled] =
    await sql`select kind, outcome, jsonb_array_length(moves) as moves, incarnation from slabmend.journal`;
  expect(journaled).toEqual({ kind: "restore", outcome: "repaired", moves: 2, incarnation: null });
});

test("a restore places two swapped sectors together", async () => {
  const [first, second] = world.hosts;
  const moves = [await moveBehindTheBackup(0, second!), await moveBehindTheBackup(1, first!)];
  const found = await restore([row(1, moves)]);
  expect(found).toMatchObject({ placed: 2, refused: {} });
  expect(await whereItIs()).toEqual([key(second!), key(first!), ...firstHosts().slice(2)]);
});

test("a restore never places two sectors of a slab on one host, even if the archive does", async () => {
  const found = await restore([row(1, [await moveBehindTheBackup(0, world.hosts[1]!)])]);
  expect(found).toMatchObject({ placed: 0, refused: { "host-taken": 1 } });
  expect(await whereItIs()).toEqual(firstHosts());
});

test("a sector proved by neither host keeps its location from before the loss, with an open denial", async () => {
  const { sql } = world.database;
  const [old, , , , fifth] = world.hosts;
  const move = await moveBehindTheBackup(0, fifth!);
  await old!.swarm.dropSector(slab.sectors[0]!.root);
  await fifth!.swarm.dropSector(slab.sectors[0]!.root);
  const found = await restore([row(1, [move])]);
  expect(found).toMatchObject({ placed: 1, denied: 1 });
  const denials = await sql`select host_id, state, code from slabmend.denials`;
  expect(denials).toEqual([{ host_id: fifth!.row.id, state: "open", code: "not-found" }]);
  expect(await whereItIs()).toEqual([key(fifth!), ...firstHosts().slice(1)]);
});

test("sectors lost by the archive are lost again, and their hosts may have another sector of the slab", async () => {
  const [first] = world.hosts;
  await first!.swarm.dropSector(slab.sectors[0]!.root);
  const move = await moveBehindTheBackup(1, first!);
  const lost = row(1, [], [{ root: slab.sectors[0]!.root, host: key(first!) }]);
  const found = await restore([lost, row(2, [move])]);
  expect(found).toMatchObject({ placed: 1, lost: 1, denied: 0, refused: {} });
  expect(await whereItIs()).toEqual([undefined, key(first!), ...firstHosts().slice(2)]);
});

test("a restore counts unknown slabs and sectors", async () => {
  const stranger = {
    ...row(1, [{ index: 0, root: hex32(), from: null, to: hex32(), how: "found" }]),
    digest: hex32(),
  };
  const found = await restore([stranger as JournalRow]);
  expect(found).toMatchObject({ sectorsNamed: 1, slabsUnknown: 1, sectorsUnknown: 1, placed: 0 });
});

/** The contract of a host, signed by our wallet, as the backup has it and as the host knows it now. */
async function knowContract(
  host: WorldHost,
  { renewed }: { readonly renewed: boolean },
): Promise<FileContract> {
  const contract = signedContract(renter, host.row.hostKey);
  const { contractId, id } = host.row.contract!;
  await world.database.sql`
    update contracts set raw_revision = ${Buffer.from(encodeFileContract(contract))} where id = ${id}`;
  await host.swarm.setContract(contractId, { contract, revisable: !renewed, renewed });
  return contract;
}

async function renewOnHost(host: WorldHost, by: KeyObject = renter): Promise<string> {
  await knowContract(host, { renewed: true });
  const once = renewalIdOf(host.row.contract!.contractId);
  const twice = renewalIdOf(once);
  const terms = { filesizeBytes: 1n << 22n, proofHeight: 30_000n, revisionNumber: 3n };
  const contract = signedContract(by, host.row.hostKey, terms);
  await host.swarm.setContract(once, { contract, revisable: false, renewed: true });
  await host.swarm.setContract(twice, { contract, revisable: true, renewed: false });
  return twice;
}

test("a restore records renewals since the backup in order, and sectors stay pinned", async () => {
  const { sql } = world.database;
  const fresh = world.hosts[0]!;
  const last = await renewOnHost(fresh);
  const found = await restore([]);
  expect(found).toMatchObject({
    contractsChained: 2,
    contractsUnknown: {},
    sectorsUnpinned: 0,
  });
  const chain = await sql`
    select encode(c.contract_id, 'hex') as id, c.state, c.good, c.size::text, c.proof_height::text as proof, c.revision_number,
      c.next_prune > now() + interval '20 hours' as held, length(c.raw_revision) as bytes
    from contracts c where c.host_id = ${fresh.row.id} and c.renewed_to is null`;
  expect(chain).toEqual([
    {
      id: last,
      state: 0,
      good: true,
      size: "4194304",
      proof: "30000",
      revision_number: 3,
      held: true,
      bytes: 392,
    },
  ]);
  const [map] = await sql`
    select encode(m.contract_id, 'hex') as id from contract_sectors_map m where m.id = ${fresh.row.contract!.mapId}`;
  expect(map).toEqual({ id: last });
});

test("sectors of a contract whose host does not answer are unpinned and stay on their host", async () => {
  const { sql } = world.database;
  const [forgets, forges] = world.hosts;
  await forgets!.swarm.setContract(forgets!.row.contract!.contractId, null);
  await renewOnHost(forges!, generateKeyPairSync("ed25519").privateKey);
  const before = await sql<{ n: number }[]>`
    select count(*)::integer as n from sectors where host_id in ${sql([forgets!.row.id, forges!.row.id])}`;
  const found = await restore([]);
  expect(found.contractsUnknown).toEqual({ "contract-not-found": 1, "forged-renewal": 1 });
  expect(found.sectorsUnpinned).toBe(before[0]!.n);
  const pinned = await sql`
    select from sectors where host_id in ${sql([forgets!.row.id, forges!.row.id])} and contract_sectors_map_id is not null`;
  expect(pinned).toEqual([]);
  expect(await whereItIs()).toEqual(firstHosts());
});

test("a restore's first write ends the backup's running repairs, holds prunes and raises the incarnation", async () => {
  const { sql } = world.database;
  const earlier = await startRun(sql, { kind: "verify", scope: {}, owner: "before" });
  await world.lease(slab);
  await sql`update contracts set next_prune = now()`;
  await begin([]);
  expect(await readRun(sql, earlier.id)).toMatchObject({ state: "cancelled" });
  expect(await sql`select from slabmend.leases`).toEqual([]);
  expect(await readFleetMode(sql)).toMatchObject({ kind: "maintenance" });
  expect(
    await sql`select from contracts where renewed_to is null and next_prune < now() + interval '23 hours'`,
  ).toEqual([]);
  expect(await sql`select incarnation from slabmend.journal_head`).toEqual([{ incarnation: 2 }]);
});

test("a restore continues after a kill at any of its writes", { timeout: 120_000 }, async () => {
  const { sql } = world.database;
  const [, , , , fifth, sixth] = world.hosts;
  const moves = [await moveBehindTheBackup(0, fifth!), await moveBehindTheBackup(1, sixth!)];
  await begin([row(1, moves)]);
  const killedAfter = new Set<string>();
  for (let runs = 0; ; runs += 1) {
    const run = await advance((name) => {
      if (killedAfter.has(name)) return;
      killedAfter.add(name);
      throw new Error("killed");
    }).catch((error: Error) => error.message);
    await sql`update slabmend.runs set expires_at = now() where token is not null`;
    if (typeof run === "object" && run.state === "done") break;
    expect(runs).toBeLessThan(20);
  }
  expect([...killedAfter]).toEqual([
    "contracts",
    "unpinned",
    "records",
    "slab-placed",
    "placements",
    "events",
  ]);
  expect(await whereItIs()).toEqual([key(fifth!), key(sixth!), ...firstHosts().slice(2)]);
  expect(await statisticsThatDisagree(sql)).toEqual([]);
});

test("after an upgrade of indexd a restore records no renewals and places no sectors", async () => {
  const { sql } = world.database;
  await renewOnHost(world.hosts[0]!);
  const move = await moveBehindTheBackup(1, world.hosts[4]!);
  await begin([row(1, [move])]);
  await sql`update global_settings set db_version = db_version + 1000`;
  await sql`alter table contracts add column meaning integer`;
  const before = await sql`select count(*)::integer as n from contracts`;
  await expect(advance()).rejects.toMatchObject({ code: expect.stringContaining("indexd") });
  expect(await sql`select count(*)::integer as n from contracts`).toEqual(before);
  expect(await whereItIs()).toEqual(firstHosts());
});

test("a restore places nothing from an archive that was altered since its start", async () => {
  const move = await moveBehindTheBackup(0, world.hosts[4]!);
  await begin([row(1, [move])]);
  const storage = storageIn(folder);
  const head = (await storage.readHead(never))!;
  const manifest = JSON.parse(Buffer.from(head.bytes).toString()) as { segment: { sha256: string } };
  manifest.segment.sha256 = hex32();
  await storage.replaceHead(Buffer.from(JSON.stringify(manifest)), head.version, never);
  await expect(advance()).rejects.toMatchObject({ code: "archive-altered" });
  expect(await whereItIs()).toEqual(firstHosts());
});
