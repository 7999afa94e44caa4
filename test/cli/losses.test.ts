/** losses list and restore, on real hosts and under the workers' role. */
import * as v from "valibot";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lossesSchema } from "../../lib/reports/standing-schema.ts";
import { createRepairWorld, type RepairWorld, type StoredSlab } from "../support/repair-world.ts";
import { statisticsThatDisagree } from "../support/seed-statistics.ts";
import { createFleetRole, type FleetRole } from "./fleet-role.ts";
import { runCli } from "./run-cli.ts";

let world: RepairWorld;
let role: FleetRole;
let environment: Record<string, string>;

beforeAll(async () => {
  world = await createRepairWorld({ hosts: 6 });
  role = await createFleetRole(world.database);
  environment = { ...world.variables, SLABMEND_DATABASE_URL: role.url };
});
afterAll(async () => {
  await role?.drop();
  await world?.stop();
});

const cli = (...args: string[]) => runCli(args, { environment });

async function deny(
  slab: StoredSlab,
  index: number,
  rest: { denials: number; state: string },
): Promise<void> {
  await world.database.sql`
    insert into slabmend.denials (sector_id, host_id, root, map_id, uploaded_at, code, denials, first_denied_at, counted_at,
      last_denied_at, state)
    select id, ${slab.hosts[index]!.row.id}, sector_root, contract_sectors_map_id, uploaded_at, 'not-found', ${rest.denials},
      clock_timestamp(), clock_timestamp(), clock_timestamp(), ${rest.state}
    from sectors where id = ${String(slab.sectors[index]!.id)}`;
}

test("a lost and a denied location are listed, and restored once their hosts serve the sectors", async () => {
  const { sql } = world.database;
  const slab = await world.storeSlab({ minShards: 2, totalShards: 4 });
  await deny(slab, 0, { denials: 3, state: "open" });
  await deny(slab, 1, { denials: 1, state: "lost" });
  await sql`update sectors set host_id = null, contract_sectors_map_id = null where id = ${String(slab.sectors[1]!.id)}`;
  await sql`
    insert into stats_deltas (stat_name, stat_delta) values ('num_pinned_sectors', -1), ('num_unpinnable_sectors', 1)`;
  const listed = await cli("losses", "list", "--json");
  const report = v.parse(lossesSchema, listed.json);
  expect(report).toEqual(listed.json);
  expect(report).toMatchObject({
    total: 2,
    losses: [
      { sectorId: String(slab.sectors[1]!.id), state: "lost", isBadForGood: false, slabs: [String(slab.id)] },
      {
        sectorId: String(slab.sectors[0]!.id),
        host: slab.hosts[0]!.row.hostKey,
        state: "open",
        isBadForGood: true,
      },
    ],
  });
  const first = v.parse(lossesSchema, (await cli("losses", "list", "--limit", "1", "--json")).json);
  const second = await cli("losses", "list", "--limit", "1", "--cursor", first.next!, "--json");
  expect(v.parse(lossesSchema, second.json).losses).toEqual(report.losses.slice(1));
  expect((await cli("losses", "list", "--open", "--host", slab.hosts[0]!.row.hostKey)).out).toContain(
    "bad for good",
  );

  const [, lost] = slab.hosts;
  const { id, root } = slab.sectors[1]!;
  await lost!.swarm.setSwitches({ losesSectors: "all" });
  const refused = await cli("losses", "restore", String(id), lost!.row.hostKey, "--json");
  expect(refused.error).toMatchObject({ code: "sector-not-served" });
  await lost!.swarm.setSwitches({ losesSectors: "none" });
  const elsewhere = await cli("losses", "restore", root, slab.hosts[3]!.row.hostKey, "--json");
  expect(elsewhere.error).toMatchObject({ code: "sector-not-served" });
  await slab.hosts[3]!.swarm.putSector(root, await lost!.swarm.readSectorFile(root));
  // The host serves the sector, but the database already records another sector of the slab on this host.
  const taken = await cli("losses", "restore", root, slab.hosts[3]!.row.hostKey, "--json");
  expect(taken.error).toMatchObject({
    code: "not-restored",
    message: expect.stringContaining("another sector"),
  });
  const restored = await cli("losses", "restore", String(id), lost!.row.hostKey, "--json");
  expect([restored.code, restored.json]).toMatchObject([0, { root, result: "restored" }]);
  expect((await world.locations(slab))[1]).toBe(lost);
  expect(
    await sql`select num_migrated, consecutive_failed_checks as checks from sectors where id = ${String(id)}`,
  ).toEqual([{ num_migrated: 0, checks: 0 }]);
  const cleared = await cli("losses", "restore", slab.sectors[0]!.root, slab.hosts[0]!.row.hostKey);
  expect(cleared.out).toContain("is no longer denied");
  expect(await statisticsThatDisagree(sql)).toEqual([]);
  expect(v.parse(lossesSchema, (await cli("losses", "list", "--json")).json)).toMatchObject({
    total: 0,
    losses: [],
  });
});
