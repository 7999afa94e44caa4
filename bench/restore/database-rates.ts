/** Measures what a restore does in the database and with the archive, without hosts. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { startPostgres } from "../../dev/postgres/postgres.ts";
import type { ArchiveStorage } from "../../lib/archive/archive-storage.ts";
import { createDirectoryStorage } from "../../lib/archive/directory-storage.ts";
import { encodeManifest, manifestOf } from "../../lib/archive/manifest.ts";
import { encodeSegment, type SegmentRef } from "../../lib/archive/segment.ts";
import type { Ask } from "../../lib/database/client/deadline-client.ts";
import type { JournalRow } from "../../lib/database/journal/read-journal-rows.ts";
import { beginRestore, placeSectors } from "../../lib/database/restore/restore-writes.ts";
import { readNamedSectors } from "../../lib/database/restore/restored-moves.ts";
import { takeRun } from "../../lib/database/runs/maintenance-runs.ts";
import { decidePlacements } from "../../lib/jobs/restore/decide-placements.ts";
import { restoreStatisticsOf } from "../../lib/jobs/restore/restore-run.ts";
import { journalRow } from "../../test/jobs/restore/journal-row.ts";
import { generateIndexd } from "../claim/generate-indexd.ts";
import { advanceTimed, perSecond, rounded } from "./restore-job.ts";

const HOSTS = 100;
const SHARDS = 30;
/** Each row of the archive says that this many sectors of its slab have moved. */
const MOVES = 3;
const ROWS_A_SEGMENT = 1_000;
const SLABS_A_PAGE = 64;
const WALLET = "5a".repeat(32);
const never = new AbortController().signal;

export async function measureDatabase(moved: number): Promise<object> {
  const server = await startPostgres({
    durability: "full",
    settings: { shared_buffers: "1GB", max_wal_size: "8GB" },
  });
  const folder = await mkdtemp(join(tmpdir(), "slabmend-bench-"));
  try {
    const sql = postgres(server.url("postgres"), { max: 2, onnotice: () => {} }) as Sql;
    const slabs = Math.ceil(moved / MOVES);
    await generateIndexd(sql, { slabs, hosts: HOSTS, minShards: 10, shards: SHARDS });
    await sql.unsafe("vacuum analyze");
    const archive = createDirectoryStorage(folder);
    const rows = await archiveMoves(sql, archive);
    const ask: Ask = (statements) => statements(sql);
    const end = { incarnation: 1, position: rows };
    const scope = {
      archive: { place: archive.place, walletHash: WALLET, after: null, end },
      scan: null,
      contracts: 0,
    };
    // Ends all contracts, so that the restore asks no host for a contract: host-rates.ts measures such requests.
    await sql`update contracts set state = 2`;
    await beginRestore(sql, { scope, owner: "bench", archivedIncarnation: 1 });
    const { run, seconds } = await advanceTimed(ask, { archive, until: "placements" });
    const { recordsRead, sectorsNamed } = restoreStatisticsOf(run);
    const placed = await placeAll(sql);
    await sql.end();
    return {
      sectors: slabs * SHARDS,
      records: {
        rows: recordsRead,
        sectors: sectorsNamed,
        seconds: rounded(seconds["records"]!),
        perSecond: perSecond(recordsRead, seconds["records"]!),
      },
      placements: placed,
    };
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Writes an archive in which the first sectors of each slab moved to hosts that hold no sector of the slab.
 * @returns rows
 */
async function archiveMoves(sql: Sql, storage: ArchiveStorage): Promise<number> {
  const moves = await sql<{ digest: string; moves: object[] }[]>`
    select encode(s.digest, 'hex') as digest, m.moves
    from slabs s
    cross join lateral (
      select array_agg(h.public_key) as keys from (
        select h.public_key from hosts h
        where h.id not in (select x.host_id from slab_sectors o join sectors x on x.id = o.sector_id where o.slab_id = s.id)
        order by hashint8(s.id * 1000 + h.id) limit ${MOVES}
      ) h
    ) free
    cross join lateral (
      select jsonb_agg(jsonb_build_object('index', ss.slab_index, 'root', encode(x.sector_root, 'hex'),
        'from', encode(old.public_key, 'hex'), 'to', encode(free.keys[ss.slab_index + 1], 'hex'), 'how', 'rebuilt')) as moves
      from slab_sectors ss join sectors x on x.id = ss.sector_id join hosts old on old.id = x.host_id
      where ss.slab_id = s.id and ss.slab_index < ${MOVES}
    ) m
    order by hashint8(s.id)`;
  let previous: SegmentRef | null = null;
  for (let first = 0; first < moves.length; first += ROWS_A_SEGMENT) {
    const rows: JournalRow[] = moves
      .slice(first, first + ROWS_A_SEGMENT)
      .map((row, n) => journalRow({ id: 1n, digest: row.digest }, first + n + 1, row.moves));
    const segment = encodeSegment(rows, { walletHash: WALLET, previous });
    await storage.create(segment.ref.key, segment.file, never);
    previous = segment.ref;
    if (first + ROWS_A_SEGMENT >= moves.length) {
      await storage.replaceHead(encodeManifest(manifestOf(segment)), undefined, never);
    }
  }
  return moves.length;
}

/** Places the sectors as the step `placements` does, but without asking hosts: every sector counts as proved. */
async function placeAll(sql: Sql): Promise<object> {
  await sql`update slabmend.runs set expires_at = now() where token is not null`;
  const lease = await takeRun(sql, { coordinator: "bench", leaseMs: 3_600_000, kind: "restore" });
  const writer = { run: lease!.run.id, token: lease!.token, verify: {} };
  const startedAtMs = performance.now();
  let sectors = 0;
  let slabs = 0;
  for (let after = "0"; ; ) {
    const named = await readNamedSectors(sql, { after, slabs: SLABS_A_PAGE });
    if (named.length === 0) break;
    after = String(named.at(-1)!.slabId);
    for (const [slabId, ofSlab] of Map.groupBy(named, (sector) => sector.slabId)) {
      const plan = decidePlacements(ofSlab, () => ({ kind: "proved" }));
      const { placed, refused } = await placeSectors(sql, writer, slabId, plan);
      if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused)}`);
      sectors += placed;
      slabs += 1;
    }
  }
  const seconds = (performance.now() - startedAtMs) / 1_000;
  return {
    sectors,
    slabs,
    seconds: rounded(seconds),
    slabsPerSecond: perSecond(slabs, seconds),
    sectorsPerSecond: perSecond(sectors, seconds),
  };
}
