import fc from "fast-check";
import type { TransactionSql } from "postgres";
import { beforeAll, expect, test } from "vitest";
import { commitRepair, type DenialReport } from "../../lib/database/leases/commit-repair.ts";
import { useDatabase } from "../support/database.ts";
import {
  type SectorSeed,
  type SeededHost,
  seedContract,
  seedNetwork,
  seedSlab,
} from "../support/seed-indexd.ts";
import { foldStatistics, statisticsThatDisagree } from "../support/seed-statistics.ts";
import { markSectorLost, markSlabRepaired, migrateSector } from "./reference-writes.ts";
import { leaseByHand, movesFromHere, requestOf } from "./running-lease.ts";

const { sql } = useDatabase();
let hosts: SeededHost[];
beforeAll(async () => {
  hosts = await seedNetwork(sql, { hosts: 24 });
});

/** Where a sector can be, and whether its host denies it. */
const PLACES = ["good", "lost", "unpinned", "bad-contract", "over", "unpinned-on-bad-host"] as const;
const sector = fc.record({
  place: fc.constantFrom(...PLACES),
  isDenied: fc.boolean(),
  checks: fc.nat(4),
});
const slabShape = fc.record({
  sectors: fc.array(sector, { minLength: 1, maxLength: 10 }),
  failures: fc.nat(5),
  outcome: fc.constantFrom("repaired", "partial-refused" as const),
});

class RolledBack extends Error {}

/** Runs `work` in a transaction that is rolled back, and returns its result. */
async function rolledBack<Result>(work: (tx: TransactionSql) => Promise<Result>): Promise<Result> {
  let result: Result | undefined;
  await sql
    .begin(async (tx) => {
      result = await work(tx);
      throw new RolledBack();
    })
    .catch((error: unknown) => {
      if (!(error instanceof RolledBack)) throw error;
    });
  return result as Result;
}

/**
 * All rows that both commit_repair and indexd's steps write. Times that depend on when a run takes place are compared
 * only roughly.
 */
const written = async (tx: TransactionSql, slabId: bigint) => ({
  sectors: await tx`
    select s.id::text, s.host_id, s.contract_sectors_map_id, s.consecutive_failed_checks, s.num_migrated,
      s.uploaded_at > now() - interval '1 minute' as uploaded_now, s.next_integrity_check::text
    from sectors s join slab_sectors ss on ss.sector_id = s.id where ss.slab_id = ${String(slabId)} order by s.id`,
  hosts: await tx`select id, lost_sectors, unpinned_sectors from hosts order by id`,
  deltas: await tx`
    select stat_name, sum(stat_delta)::text as delta from stats_deltas group by stat_name having sum(stat_delta) <> 0
    order by stat_name`,
  zeroDeltas: await tx`select 1 from stats_deltas where stat_delta = 0`,
  slab: await tx`
    select consecutive_failed_repairs, round(extract(epoch from next_repair_attempt - now()) / 60) as minutes_ahead
    from slabs where id = ${String(slabId)}`,
});

test("commit_repair writes the same rows as indexd's own steps", async () => {
  await fc.assert(
    fc.asyncProperty(slabShape, async ({ sectors, failures, outcome }) => {
      await foldStatistics(sql);
      await sql`truncate slabmend.denials`;
      const over = await seedContract(sql, hosts[20]!.id, { state: 2, proof_height: 0 });
      const bad = await seedContract(sql, hosts[21]!.id, { good: false });
      const whereOf = (place: (typeof PLACES)[number], own: SeededHost): Omit<SectorSeed, "columns"> =>
        ({
          good: { hostId: own.id, mapId: own.contract!.mapId },
          lost: { hostId: null, mapId: null },
          unpinned: { hostId: own.id, mapId: null },
          "bad-contract": { hostId: hosts[21]!.id, mapId: bad.mapId },
          over: { hostId: hosts[20]!.id, mapId: over.mapId },
          "unpinned-on-bad-host": { hostId: hosts[22]!.id, mapId: null },
        })[place];
      const seeds = sectors.map(
        ({ place, checks }, n): SectorSeed => ({
          ...whereOf(place, hosts[n]!),
          columns: { consecutive_failed_checks: checks, uploaded_at: new Date(0) },
        }),
      );
      await sql`update hosts set recent_uptime = 0.5 where id = ${hosts[22]!.id}`;
      const slab = await seedSlab(sql, {
        minShards: 1,
        sectors: seeds,
        columns: { consecutive_failed_repairs: failures },
      });
      const denied = seeds.flatMap((seed, n): DenialReport[] => {
        const { id: sectorId, root } = slab.sectors[n]!;
        const { hostId } = seed;
        return sectors[n]!.isDenied && hostId !== null
          ? [{ sectorId, root, hostId, code: "corrupt", whole: true, othersServed: true }]
          : [];
      });
      // If a host denies three sectors or more, its denials are not believed, so they are not losses.
      const lost = denied.filter(
        ({ hostId }) => denied.filter((report) => report.hostId === hostId).length < 3,
      );
      const token = await leaseByHand(sql, slab);
      // The sectors that have to move once the denials are recorded.
      const toMove = await rolledBack(async (tx) => {
        for (const { sectorId, hostId } of denied) {
          await tx`
            insert into slabmend.denials (sector_id, host_id, root, map_id, uploaded_at, code, denials, first_denied_at,
              counted_at, last_denied_at, state)
            select id, ${hostId}, sector_root, contract_sectors_map_id, uploaded_at, 'corrupt', 1, now(), now(), now(), 'open'
            from sectors where id = ${String(sectorId)}`;
        }
        const rows = await tx<{ slab_index: number }[]>`
          select slab_index from slabmend.sectors_to_move(array[${String(slab.id)}::bigint]) order by slab_index`;
        return rows.map((row) => row.slab_index);
      });
      const moves = await movesFromHere(
        sql,
        slab,
        toMove.map((index) => [index, hosts[10 + index]!] as const),
      );

      const reference = await rolledBack(async (tx) => {
        for (const report of lost) await markSectorLost(tx, report);
        for (const move of moves) await migrateSector(tx, move);
        await markSlabRepaired(tx, slab.id, outcome === "repaired");
        return await written(tx, slab.id);
      });
      const request = requestOf(slab, token, { moves, denied, outcome: { kind: outcome } });
      const ours = await rolledBack(async (tx) => {
        const result = await commitRepair(tx, request);
        expect(result).toMatchObject({
          kind: "committed",
          dropped: [],
          denialsRecorded: denied.length,
          lostRecorded: lost.length,
        });
        return await written(tx, slab.id);
      });
      expect(ours).toEqual(reference);
      expect(ours.zeroDeltas).toHaveLength(0);

      await commitRepair(sql, request);
      expect(await statisticsThatDisagree(sql)).toEqual([]);
      await foldStatistics(sql);
    }),
    { numRuns: 40 },
  );
});
