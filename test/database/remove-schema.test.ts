import { expect, test } from "vitest";
import { commitRepair } from "../../lib/database/leases/commit-repair.ts";
import { removeSchema } from "../../lib/database/schema/remove-schema.ts";
import { useDatabase } from "../support/database.ts";
import { LOST, placeOn, seedAccount, seedNetwork, seedObject, seedSlab } from "../support/seed-indexd.ts";
import { until } from "../support/until.ts";
import { leaseByHand, movesFromHere, requestOf } from "./running-lease.ts";

const { sql } = useDatabase({ max: 4 });

test("the removal of the schema bumps the events of a repair that commits after the outbox was flushed", async () => {
  const hosts = await seedNetwork(sql, { hosts: 5 });
  const slab = await seedSlab(sql, { minShards: 1, sectors: [LOST, ...placeOn(hosts.slice(0, 3))] });
  await seedObject(sql, { accountId: await seedAccount(sql), slabs: [slab] });
  await sql`update object_events set updated_at = now() - interval '1 day'`;
  const token = await leaseByHand(sql, slab);
  const moves = await movesFromHere(sql, slab, [[0, hosts[4]!]]);
  let removing: ReturnType<typeof removeSchema> | undefined;
  await sql.begin(async (tx) => {
    expect(await commitRepair(tx, requestOf(slab, token, { moves }))).toMatchObject({ recorded: [0] });
    removing = removeSchema(sql);
    await until(
      () => sql`
        select from pg_locks l join pg_class c on c.oid = l.relation
        where not l.granted and c.relnamespace = 'slabmend'::regnamespace`,
      (waiting) => waiting.length > 0,
    );
  });
  expect(await removing).toMatchObject({ eventsBumped: 1 });
  expect(await sql`select from object_events where updated_at < now() - interval '1 hour'`).toHaveLength(0);
  expect(await sql`select from pg_namespace where nspname = 'slabmend'`).toHaveLength(0);
});
