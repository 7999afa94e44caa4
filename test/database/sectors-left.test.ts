/**
 * A commit reports whether a sector of the slab still has to move. Reading the slab again must give the same answer.
 */
import fc from "fast-check";
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
import { leaseByHand, movesFromHere, requestOf } from "./running-lease.ts";

const { sql } = useDatabase();
const HOSTS = 8;
/**
 * Index of an unusable host with a healthy contract: a move to this host is recorded, but the sector has to move again.
 */
const WEAK = 7;
let hosts: SeededHost[];
let badMapId: SectorSeed["mapId"];
beforeAll(async () => {
  hosts = await seedNetwork(sql, { hosts: HOSTS });
  await sql`update hosts set recent_uptime = 0.5 where id = ${hosts[WEAK]!.id}`;
  badMapId = (await seedContract(sql, hosts[0]!.id, { good: false })).mapId;
});

/** Few hosts and contracts, so that sectors of a slab share them. */
const sector = fc.record({
  host: fc.option(fc.nat(HOSTS - 1), { freq: 4 }),
  contractOf: fc.option(fc.oneof(fc.constant("bad" as const), fc.nat(HOSTS - 1))),
  isDenied: fc.boolean(),
  movesTo: fc.option(fc.nat(HOSTS - 1)),
});

test("a partial commit finishes the slab if and only if no sector needs to move any more", async () => {
  let finished = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(sector, { minLength: 1, maxLength: 6 }), async (sectors) => {
      await sql`truncate slabmend.denials`;
      const slab = await seedSlab(sql, {
        minShards: 1,
        sectors: sectors.map(({ host, contractOf }): SectorSeed => {
          if (host === null) return { hostId: null, mapId: null };
          const mapId = contractOf === "bad" ? badMapId : hosts[contractOf ?? 0]!.contract!.mapId;
          return { hostId: hosts[host]!.id, mapId: contractOf === null ? null : mapId };
        }),
      });
      const denied = sectors.flatMap(({ host, isDenied }, index): DenialReport[] => {
        const { id: sectorId, root } = slab.sectors[index]!;
        if (!isDenied || host === null) return [];
        return [
          { sectorId, root, hostId: hosts[host]!.id, code: "corrupt", whole: true, othersServed: true },
        ];
      });
      const to = sectors.flatMap(({ movesTo }, index) =>
        movesTo === null ? [] : [[index, hosts[movesTo]!] as const],
      );
      const token = await leaseByHand(sql, slab);
      const moves = await movesFromHere(sql, slab, to);
      const result = await commitRepair(sql, requestOf(slab, token, { moves, denied }));
      const left = await sql`select from slabmend.sectors_to_move(array[${String(slab.id)}::bigint])`;
      expect(result).toMatchObject({ kind: "committed", slabFinished: left.length === 0 });
      if (left.length === 0) finished += 1;
    }),
    { numRuns: 120 },
  );
  expect(finished).toBeGreaterThan(5);
});
