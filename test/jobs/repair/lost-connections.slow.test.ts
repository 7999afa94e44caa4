/**
 * If the connection to the database is dropped (by a failover or a pooler's restart) at any statement of a repair, the
 * slab is still repaired.
 */
import { expect, test } from "vitest";
import { startEndingProxy } from "../../support/ending-proxy.ts";
import { repairSuite } from "../../support/repair-suite.ts";

const suite = repairSuite({ hosts: 8 });

/** The statements of a repair in order, each with a text by which it is recognised. */
const STATEMENTS = [
  ["the rights", "has_column_privilege"],
  ["the versions", "database_migrations"],
  ["the session's settings", "bytea_output"],
  ["begin", "slabmend.begin_repair"],
  ["the slab", "encode(s.digest, 'hex') as digest"],
  ["the network", "to_json(g)"],
  ["host scores", "host_scores"],
  ["commit", "commit_repair"],
  ["events", "slabmend.moved"],
] as const;

test.each(STATEMENTS)("a repair survives a lost connection at this statement: %s", async (_name, text) => {
  for (const lost of ["statement", "answer"] as const) {
    const slab = await suite.world.storeSlab({ minShards: 2, totalShards: 5 });
    await suite.world.loseSector(slab, 0);
    const proxy = await startEndingProxy(suite.world.database.url, async () => {});
    proxy.endAtText(text, lost);
    const result = await suite.repair(slab, { variables: { SLABMEND_DATABASE_URL: proxy.url } });
    expect([lost, proxy.take(), result.kind]).toEqual([lost, true, "repaired"]);
    expect((await suite.journal(slab)).map(({ outcome, error }) => [outcome, error])).toEqual([
      ["repaired", null],
    ]);
    await proxy.stop();
  }
});

test("a sector is counted as lost even if the connection breaks while control sectors are read", async () => {
  const { world } = suite;
  const { sql } = world.database;
  await world.storeSlab({ minShards: 2, totalShards: 5 });
  for (const lost of ["statement", "answer"] as const) {
    const slab = await world.storeSlab({ minShards: 2, totalShards: 5 });
    const { id, root } = slab.sectors[1]!;
    await slab.hosts[1]!.swarm.dropSector(root);
    await sql`
      insert into slabmend.denials (sector_id, host_id, root, map_id, uploaded_at, code, denials, first_denied_at, counted_at,
        last_denied_at, state)
      select id, host_id, sector_root, contract_sectors_map_id, uploaded_at, 'not-found', 1, now(), now(), now(), 'open'
      from sectors where id = ${String(id)}`;
    const proxy = await startEndingProxy(world.database.url, async () => {});
    proxy.endAtText("gen_random_uuid", lost);
    const result = await suite.repair(slab, { variables: { SLABMEND_DATABASE_URL: proxy.url } });
    expect([lost, proxy.take(), result]).toMatchObject([lost, true, { kind: "repaired", lost: 1 }]);
    await proxy.stop();
  }
});
