/** A restore with hosts on loopback: the database has the backup's state, the hosts have their current state. */
import { generateKeyPairSync, type KeyObject, randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { signedContract } from "../../../dev/rhp4/signed-contract.ts";
import type { ArchiveStorage } from "../../../lib/archive/archive-storage.ts";
import { systemClock } from "../../../lib/clock/clock.ts";
import { parseEnvironment } from "../../../lib/config/parse-environment.ts";
import { readFleetMode } from "../../../lib/database/fleet/fleet-mode.ts";
import type { JournalRow } from "../../../lib/database/journal/read-journal-rows.ts";
import { beginRestore } from "../../../lib/database/restore/restore-writes.ts";
import { assignSharedMoves } from "../../../lib/database/restore/restored-moves.ts";
import { readRun, readRuns, startRun } from "../../../lib/database/runs/maintenance-runs.ts";
import type { Run } from "../../../lib/database/runs/run.ts";
import { restoreKind } from "../../../lib/jobs/restore/restore-kind.ts";
import { type RestoreScope, restoreStatisticsOf } from "../../../lib/jobs/restore/restore-run.ts";
import { renewalIdOf } from "../../../lib/rhp4/renewal-id.ts";
import { createLogger } from "../../../lib/telemetry/logger.ts";
import { MAINTENANCE_VARIABLES, openMaintenance } from "../../../lib/worker/open-maintenance.ts";
import { hex32 } from "../../database/journal/journal-rows.ts";
import { askOf } from "../../support/ask.ts";
import { createCrashingDatabase } from "../../support/crashing-database.ts";
import type { TestDatabase } from "../../support/database.ts";
import {
  createRepairWorld,
  type RepairWorld,
  type StoredSlab,
  type WorldHost,
} from "../../support/repair-world.ts";
import { statisticsThatDisagree } from "../../support/seed-statistics.ts";
import { never, storageIn, useFolder, WALLET } from "../journal/archive-fixture.ts";
import { journalRow, writeArchive } from "./journal-row.ts";
import { advanceRestore, advanceWithKills, knowContract, renter } from "./restore-fixture.ts";

const folder = useFolder();
let world: RepairWorld;
let slab: StoredSlab;

beforeEach(() => setUp());
afterEach(() => world?.stop());

async function setUp(options: { readonly database?: TestDatabase } = {}): Promise<void> {
  world = await createRepairWorld({ hosts: 6, ...options });
  slab = await world.storeSlab({ minShards: 2, totalShards: 4 });
  for (const host of world.hosts) await knowContract(world, host, {});
}

/** The writes after which the coordinator is killed, or the server crashes, in order. */
const WRITES = [
  "renewal-recorded",
  "contract-unpinned",
  "contracts",
  "unpinned",
  "records",
  "slab-placed",
  "placements",
  "scan",
  "clocks",
  "events",
];

const key = (host: WorldHost): string => host.row.hostKey;

/** Stores a sector on another host, as the fleet did after the backup. Returns the move for a row of the archive. */
async function moveBehindTheBackup(index: number, to: WorldHost): Promise<object> {
  const { root } = slab.sectors[index]!;
  const from = (await world.locations(slab))[index];
  await to.swarm.putSector(root, Buffer.from(await from!.swarm.readSectorFile(root)));
  return { index, root, from: key(from!), to: key(to), how: "rebuilt" };
}

const row = (position: number, moves: readonly object[], lost?: readonly object[]): JournalRow =>
  journalRow(slab, position, moves, lost);

/** Archives the rows, and begins a restore from this archive. */
async function begin(rows: readonly JournalRow[], after: RestorePlace = null): Promise<bigint> {
  const storage = storageIn(folder);
  if (rows.length > 0) await writeArchive(storage, rows, WALLET);
  const end = { incarnation: 1, position: rows.length };
  const archive = rows.length === 0 ? null : { place: storage.place, walletHash: WALLET, after, end };
  const request = { scope: { archive, scan: null, contracts: 0 }, owner: "test", archivedIncarnation: 1 };
  return await beginRestore(world.database.sql, request);
}

const advance = () => advanceRestore(world, storageIn(folder));

type RestorePlace = NonNullable<RestoreScope["archive"]>["after"];

/** Runs a restore to its end, and checks the invariants of every restore. */
async function restore(rows: readonly JournalRow[], after: RestorePlace = null) {
  await begin(rows, after);
  const run = await advance();
  expect(run).toMatchObject({ state: "done", error: null });
  expect(await statisticsThatDisagree(world.database.sql)).toEqual([]);
  return restoreStatisticsOf(run!);
}

const whereItIs = async (): Promise<(string | undefined)[]> =>
  (await world.locations(slab)).map((host) => host && key(host));
const firstHosts = (): string[] => world.hosts.slice(0, 4).map(key);

test("a restore places sectors by the archive and the hosts' proofs, and gives events a new time", async () => {
  const { sql } = world.database;
  const [, , , , fifth, sixth] = world.hosts;
  const first = await moveBehindTheBackup(0, fifth!);
  const second = await moveBehindTheBackup(0, sixth!);
  const third = await moveBehindTheBackup(1, fifth!);

  // Sector 0 moved on to the sixth host before sector 1 came to the fifth.
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

test("from an archive that is newer than the backup, a restore reads only the rows after the backup", async () => {
  const [, , , , fifth, sixth] = world.hosts;
  const before = await moveBehindTheBackup(0, fifth!);
  const after = await moveBehindTheBackup(1, sixth!);
  const found = await restore([row(1, [before]), row(2, [after])], { incarnation: 1, position: 1 });
  expect(found).toMatchObject({ recordsRead: 1, sectorsNamed: 1, placed: 1 });
  expect(found.source).toContain("archive ");
  expect(await whereItIs()).toEqual([firstHosts()[0], key(sixth!), ...firstHosts().slice(2)]);
});

test("a restore places two sectors that have swapped their hosts since the backup", async () => {
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

test("a sector proved by neither old nor new host is placed on the new host, with an open denial", async () => {
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

test("if a sector returns to a host, this host's earlier denials do not count for the new open denial", async () => {
  const { sql } = world.database;
  const [old, , , , fifth] = world.hosts;
  const { id, root } = slab.sectors[0]!;
  const move = await moveBehindTheBackup(0, fifth!);
  for (const { swarm } of [old!, fifth!]) await swarm.dropSector(root);
  await sql`
    insert into slabmend.denials (sector_id, host_id, root, uploaded_at, code, denials, whole_denied_at, first_denied_at, counted_at, last_denied_at, state)
    select ${String(id)}, ${fifth!.row.id}, ${Buffer.from(root, "hex")}, t, 'not-found', 3, t, t, t, t, 'lost'
    from (select now() - interval '30 days' as t) long_ago`;
  await restore([row(1, [move])]);
  const denials = await sql`
    select state, denials, whole_denied_at, first_denied_at > now() - interval '1 hour' as lately from slabmend.denials`;
  expect(denials).toEqual([{ state: "open", denials: 1, whole_denied_at: null, lately: true }]);
});

test("the archive's lost sectors are lost after a restore, and their hosts may get other sectors of the slab", async () => {
  const [first] = world.hosts;
  await first!.swarm.dropSector(slab.sectors[0]!.root);
  const move = await moveBehindTheBackup(1, first!);
  const lost = row(1, [], [{ root: slab.sectors[0]!.root, host: key(first!) }]);
  const found = await restore([lost, row(2, [move])]);
  expect(found).toMatchObject({ placed: 1, lost: 1, denied: 0, refused: {} });
  expect(await whereItIs()).toEqual([undefined, key(first!), ...firstHosts().slice(2)]);
});

test("a restore counts the slabs and sectors of the archive that the database does not know", async () => {
  const stranger = {
    ...row(1, [{ index: 0, root: hex32(), from: null, to: hex32(), how: "found" }]),
    digest: hex32(),
  };
  const found = await restore([stranger as JournalRow]);
  expect(found).toMatchObject({ sectorsNamed: 1, slabsUnknown: 1, sectorsUnknown: 1, placed: 0 });
});

test("a restore counts sectors on hosts that the database does not know, and the report says what to do", async () => {
  const move = { ...(await moveBehindTheBackup(0, world.hosts[4]!)), to: hex32() };
  expect(await restore([row(1, [move])])).toMatchObject({ onUnknownHosts: 1, placed: 0, sectorsUnknown: 0 });
  expect(await whereItIs()).toEqual(firstHosts());
  const [run] = await readRuns(world.database.sql, 1);
  expect(restoreKind.describe(run!).join("\n")).toContain(
    "1 sectors are on hosts that the database does not know",
  );
});

async function renewOnHost(host: WorldHost, by: KeyObject = renter, signedFor = host): Promise<string> {
  await knowContract(world, host, { renewed: true });
  const once = renewalIdOf(host.row.contract!.contractId);
  const twice = renewalIdOf(once);
  const terms = { filesizeBytes: 1n << 22n, proofHeight: 30_000n, revisionNumber: 3n };
  const contract = signedContract(by, signedFor.row.hostKey, terms);
  await host.swarm.setContract(once, { contract, revisable: false, renewed: true });
  await host.swarm.setContract(twice, { contract, revisable: true, renewed: false });
  return twice;
}

test("a restore places a shared sector that moved in the repair of another slab, which the backup does not have", async () => {
  const move = row(1, [await moveBehindTheBackup(0, world.hosts[4]!)]);
  const found = await restore([{ ...move, digest: hex32() }]);
  expect(found).toMatchObject({ slabsUnknown: 1, sectorsUnknown: 0, placed: 1 });
  expect(await whereItIs()).toEqual([key(world.hosts[4]!), ...firstHosts().slice(1)]);
});

test("a coordinator that was replaced while it read the archive writes nothing more", async () => {
  const { sql } = world.database;
  const storage = storageIn(folder);
  await begin([row(1, [await moveBehindTheBackup(0, world.hosts[4]!)])]);
  let restartedAs: bigint | undefined;
  const slow: ArchiveStorage = {
    ...storage,
    async read(name, signal) {
      restartedAs ??= await begin([]);
      return await storage.read(name, signal);
    },
  };
  expect(await advanceRestore(world, slow)).toBeUndefined();
  expect(await sql`select from slabmend.restored_moves`).toEqual([]);
  expect(await readFleetMode(sql)).toMatchObject({ owner: `restore (run ${restartedAs})` });
});

test("only the coordinator may assign the moves of unknown slabs to known slabs", async () => {
  const { sql } = world.database;
  const run = await begin([]);
  const unknown = Buffer.alloc(32, 9);
  await sql`
    insert into slabmend.restored_moves (root, slab_digest)
    values (${Buffer.from(slab.sectors[0]!.root, "hex")}, ${unknown})`;
  const replaced = assignSharedMoves(sql, { run, token: randomUUID() });
  await expect(replaced).rejects.toMatchObject({ code: "run-lease-lost" });
  expect(await sql`select slab_digest as of from slabmend.restored_moves`).toEqual([{ of: unknown }]);
});

test("a new restore discards the moves that an earlier restore read from its archive", async () => {
  const { sql } = world.database;
  await begin([row(1, [await moveBehindTheBackup(0, world.hosts[4]!)])]);
  const killed = advanceRestore(world, storageIn(folder), (name) => {
    if (name === "records") throw new Error("killed");
  });
  await expect(killed).rejects.toThrow("killed");
  expect(await sql`select from slabmend.restored_moves`).toHaveLength(1);
  await begin([]);
  expect(await sql`select from slabmend.restored_moves`).toEqual([]);
});

test("a restore records all renewals since the backup in their order, and the sectors stay pinned", async () => {
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

test("sectors in contracts unknown to the host, or with a forged renewal, are unpinned and stay on their host", async () => {
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

test("a restore does not accept another host's contract as the renewal of a contract", async () => {
  await renewOnHost(world.hosts[0]!, renter, world.hosts[1]!);
  const found = await restore([]);
  expect(found).toMatchObject({ contractsChained: 0, contractsUnknown: { "forged-renewal": 1 } });
});

test("the backup's open denials stay open when a restore unpins the denied sectors and restarts these sectors' three days", async () => {
  const { sql } = world.database;
  const [first] = world.hosts;
  await first!.swarm.setContract(first!.row.contract!.contractId, null);
  await sql`
    insert into slabmend.denials (sector_id, host_id, root, map_id, uploaded_at, code, denials, first_denied_at, counted_at, last_denied_at, state)
    select id, host_id, sector_root, contract_sectors_map_id, uploaded_at, 'not-found', 1, now(), now(), now(), 'open'
    from sectors where host_id = ${first!.row.id}`;
  const open = () => sql`select sector_id from slabmend.open_denials()`;
  const before = await open();
  expect(before).toHaveLength(1);
  expect(await restore([])).toMatchObject({ sectorsUnpinned: 1, unpinnedRestarted: 1 });
  expect(await open()).toEqual(before);
});

test("a restore's first write ends the backup's leases and runs, postpones pruning and raises the incarnation", async () => {
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
  const last = await renewOnHost(world.hosts[2]!);
  await world.hosts[3]!.swarm.setContract(world.hosts[3]!.row.contract!.contractId, null);
  await begin([row(1, moves)]);
  expect(await advanceWithKills(world, storageIn(folder))).toEqual(WRITES);
  expect(await whereItIs()).toEqual([key(fifth!), key(sixth!), ...firstHosts().slice(2)]);
  expect(await statisticsThatDisagree(sql)).toEqual([]);
  const chain =
    await sql`select encode(renewed_from, 'hex') as from from contracts where contract_id = ${Buffer.from(last, "hex")}`;
  expect(chain).toEqual([{ from: renewalIdOf(world.hosts[2]!.row.contract!.contractId) }]);
});

test("a restore continues after crashes of the PostgreSQL server at any of its writes", {
  timeout: 120_000,
}, async () => {
  await world.stop();
  const database = await createCrashingDatabase();
  await setUp({ database });
  const { sql } = database;
  const [, , third, fourth, fifth, sixth] = world.hosts;
  const rows = [
    row(1, [await moveBehindTheBackup(0, fifth!)]),
    row(2, [await moveBehindTheBackup(1, sixth!)]),
  ];
  const last = await renewOnHost(third!);
  await fourth!.swarm.setContract(fourth!.row.contract!.contractId, null);
  await begin(rows);
  const crashedAfter = new Set<string>();
  let run: Run | undefined;
  while (run?.state !== "done") {
    const crashes = crashedAfter.size;
    run = await advanceRestore(world, storageIn(folder), async (name) => {
      if (crashedAfter.has(name)) return;
      crashedAfter.add(name);
      await database.crash();
    }).catch((error: unknown) => {
      // A call may fail only because of a crash.
      if (crashedAfter.size === crashes) throw error;
      return undefined;
    });
    await sql`update slabmend.runs set expires_at = now() where token is not null`.catch(() => {});
  }
  expect([...crashedAfter]).toEqual(WRITES);
  expect(run).toMatchObject({ error: null, statistics: { sectorsNamed: 2, refused: {}, denied: 0 } });
  expect(await whereItIs()).toEqual([key(fifth!), key(sixth!), ...firstHosts().slice(2)]);
  expect(await statisticsThatDisagree(sql)).toEqual([]);
  expect(await readFleetMode(sql)).toMatchObject({ kind: "paused" });
  // After a crash, the restore does not repeat what a step had committed before.
  const journal = await sql`select sum(jsonb_array_length(moves))::integer as moves from slabmend.journal`;
  expect(journal).toEqual([{ moves: 2 }]);
  const current =
    await sql`select from contracts where contract_id = ${Buffer.from(last, "hex")} and renewed_to is null`;
  expect(current).toHaveLength(1);
});

test("a sector that its host proves during a restore, and denies later, stays placed until a verification", async () => {
  const { sql } = world.database;
  const [, , , , fifth] = world.hosts;
  await begin([row(1, [await moveBehindTheBackup(0, fifth!)])]);
  const killed = advanceRestore(world, storageIn(folder), async (name) => {
    if (name !== "slab-placed") return;
    await fifth!.swarm.dropSector(slab.sectors[0]!.root);
    throw new Error("killed");
  });
  await expect(killed).rejects.toThrow("killed");
  await sql`update slabmend.runs set expires_at = now() where token is not null`;
  expect(await advance()).toMatchObject({ state: "done" });
  expect(await whereItIs()).toEqual([key(fifth!), ...firstHosts().slice(1)]);
  expect(await sql`select from slabmend.denials`).toEqual([]);
  await startRun(sql, {
    kind: "verify",
    scope: { of: "slab", slab: String(slab.id), sectors: 4 },
    owner: "test",
  });
  const coordinator = openMaintenance({
    environment: parseEnvironment(MAINTENANCE_VARIABLES, world.variables),
    clock: systemClock,
    logger: createLogger("fatal", { indexer: "default" }),
    signal: never,
  });
  await coordinator.advance(askOf(sql), 60_000).finally(() => coordinator.close());
  const denials = await sql`select host_id, state from slabmend.denials`;
  expect(denials).toEqual([{ host_id: fifth!.row.id, state: "open" }]);
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
