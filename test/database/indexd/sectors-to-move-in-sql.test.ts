/** TypeScript and SQL both decide which sectors move. These tests compare them on the same random slabs. */
import fc from "fast-check";
import type { ISql } from "postgres";
import { beforeAll, expect, test } from "vitest";
import { readNetworkSnapshot } from "../../../lib/database/indexd/network-snapshot.ts";
import { readPredicateStatements } from "../../../lib/database/indexd/predicates-sql.ts";
import { readSlab } from "../../../lib/database/indexd/read-slab.ts";
import { judgeSectors } from "../../../lib/placement/sectors-to-move.ts";
import type { SlabId } from "../../../lib/slab/ids.ts";
import { useDatabase } from "../../support/database.ts";
import {
  LOST,
  placeOn,
  type SeededHost,
  seedNetwork,
  seedSlab,
  seedSlabs,
} from "../../support/seed-indexd.ts";
import { rolledBack } from "./rolled-back.ts";

const HOSTS = 10;

const database = useDatabase({ max: 1 });
let hosts: SeededHost[];
beforeAll(async () => {
  await database.sql`create schema if not exists slabmend`;
  for (const statement of readPredicateStatements()) await database.sql.unsafe(statement);
  hosts = await seedNetwork(database.sql, { hosts: HOSTS });
});

interface Move {
  readonly index: number;
  readonly reason: string;
}

async function movesInSql(sql: ISql, slabId: SlabId): Promise<Move[]> {
  const rows = await sql<{ index: number; reason: string }[]>`
    select slab_index as "index", reason from slabmend.sectors_to_move(array[${String(slabId)}]::bigint[])
    order by slab_index`;
  return rows.map(({ index, reason }) => ({ index, reason }));
}

async function movesInTypeScript(sql: ISql, slabId: SlabId): Promise<Move[]> {
  const network = await readNetworkSnapshot(sql, { minHostDistanceKm: 10 });
  const { moves } = judgeSectors((await readSlab(sql, slabId))!, network);
  return moves.map(({ sector, reason }) => ({ index: sector.index, reason }));
}

const hostNumber = fc.integer({ min: 0, max: HOSTS - 1 });
const place = fc.record({
  host: fc.oneof({ weight: 9, arbitrary: hostNumber }, fc.constant(null)),
  /** The host whose contract the sector is pinned in: mostly the sector's own host. */
  pinnedTo: fc.oneof({ weight: 6, arbitrary: fc.constant("own" as const) }, fc.constant(null), hostNumber),
  /** A denial by the sector's host; `before`: the sector was uploaded there again later, so the denial is void. */
  denied: fc.oneof({ weight: 6, arbitrary: fc.constant("no") }, fc.constantFrom("open", "before", "lost")),
});
const harm = fc.record({
  host: hostNumber,
  what: fc.constantFrom(
    "block",
    "unusable",
    "contract-bad",
    "contract-over",
    "contract-renewed",
    "contract-rejected",
    "drain",
  ),
});

async function inflict(sql: ISql, { host, what }: { host: number; what: string }): Promise<void> {
  const { id, contract } = hosts[host]!;
  switch (what) {
    case "block":
      await sql`
        insert into hosts_blocklist (public_key) select public_key from hosts where id = ${id} on conflict do nothing`;
      return;
    case "unusable":
      await sql`update hosts set settings_accepting_contracts = false where id = ${id}`;
      return;
    case "drain":
      await sql`
        insert into slabmend.runs (kind, scope, owner)
        select 'drain', jsonb_build_object('hosts', jsonb_build_array(encode(public_key, 'hex'))), 'test' from hosts where id = ${id}
        on conflict do nothing`;
      return;
    case "contract-bad":
      await sql`update contracts set good = false where id = ${contract!.id}`;
      return;
    case "contract-over":
      await sql`update contracts set proof_height = 0 where id = ${contract!.id}`;
      return;
    case "contract-renewed":
      await sql`update contracts set renewed_to = contract_id where id = ${contract!.id}`;
      return;
    default:
      await sql`update contracts set state = 4 where id = ${contract!.id}`;
  }
}

async function deny(sql: ISql, sectorId: bigint, how: string): Promise<void> {
  await sql`
    insert into slabmend.denials (sector_id, host_id, root, map_id, uploaded_at, code, denials, first_denied_at, counted_at,
      last_denied_at, state)
    select id, host_id, sector_root, contract_sectors_map_id,
      uploaded_at - case when ${how} = 'before' then interval '1 microsecond' else interval '0' end,
      'not-found', 1, now(), now(), now(), case when ${how} = 'lost' then 'lost' else 'open' end
    from sectors where id = ${String(sectorId)}`;
}

test("SQL and TypeScript move the same sectors for the same reasons", async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.array(place, { maxLength: 14, size: "max" }),
      fc.array(harm, { maxLength: 5 }),
      async (places, harms) => {
        await rolledBack(database.sql, async (sql) => {
          const slab = await seedSlab(sql, {
            minShards: 1,
            sectors: places.map(({ host, pinnedTo }) => {
              if (host === null) return LOST;
              const pin = pinnedTo === "own" ? host : pinnedTo;
              return { hostId: hosts[host]!.id, mapId: pin === null ? null : hosts[pin]!.contract!.mapId };
            }),
          });
          for (const [index, { host, denied }] of places.entries()) {
            if (host !== null && denied !== "no") await deny(sql, slab.sectors[index]!.id, denied);
          }
          for (const one of harms) await inflict(sql, one);
          const moves = await movesInSql(sql, slab.id);
          expect(moves).toEqual(await movesInTypeScript(sql, slab.id));
          for (const { reason } of moves) seen.set(reason, (seen.get(reason) ?? 0) + 1);
        });
      },
    ),
    { numRuns: 150 },
  );
  expect([...seen.keys()].toSorted()).toEqual([
    "bad-contract",
    "bad-host",
    "denied",
    "draining",
    "duplicate-host",
    "lost",
  ]);
});

test("sectors of many slabs are judged independently, even if the slabs share a sector", async () => {
  await rolledBack(database.sql, async (sql) => {
    const [first] = await seedSlabs(sql, {
      minShards: 1,
      slabs: [{ sectors: [...placeOn(hosts.slice(0, 2)), LOST] }],
    });
    const shared = { ...LOST, root: first!.sectors[1]!.root };
    const others = await seedSlabs(sql, {
      minShards: 1,
      // In the second slab host 1 holds two sectors; the third slab is healthy.
      slabs: [{ sectors: [...placeOn(hosts.slice(1, 2)), shared] }, { sectors: placeOn(hosts) }],
    });
    const slabIds = [first!, ...others].map(({ id }) => String(id));
    const rows = await sql<{ slab_id: string; slab_index: number; reason: string }[]>`
      select slab_id::text, slab_index, reason from slabmend.sectors_to_move(array(select id from slabs))
      order by slab_id, slab_index`;
    expect(rows.map(({ slab_id, slab_index, reason }) => [slab_id, slab_index, reason])).toEqual([
      [slabIds[0], 2, "lost"],
      [slabIds[1], 1, "duplicate-host"],
    ]);
    expect(await sql`select from slabmend.sectors_to_move(array[]::bigint[])`).toHaveLength(0);
  });
});
