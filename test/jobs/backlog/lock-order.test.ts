/**
 * docs/architecture.md#locks: a transaction that waits for a second transaction holds no lock that the second may still
 * need.
 */
import postgres, { type Sql, type TransactionSql } from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { releaseQuarantine } from "../../../lib/database/fleet/quarantine.ts";
import { reapLeases } from "../../../lib/database/leases/reap-leases.ts";
import { useDatabase } from "../../support/database.ts";
import { LOST, placeOn, type SeededHost, seedNetwork, seedSlabs } from "../../support/seed-indexd.ts";
import { backlogRows, lease, look, walk } from "./backlog-fixture.ts";

const database = useDatabase({ clearAfterEach: true });
const { sql } = database;
let other: Sql;
let hosts: SeededHost[];
beforeAll(async () => {
  other = postgres(database.url, { max: 1, onnotice: () => {} });
  hosts = await seedNetwork(sql, { hosts: 4 });
});
afterAll(() => other.end());

const damaged = async () => {
  const slabs = await seedSlabs(sql, {
    minShards: 1,
    slabs: Array.from({ length: 2 }, () => ({ sectors: [LOST, ...placeOn(hosts.slice(0, 2))] })),
  });
  await walk(sql);
  return slabs.map(({ id, sectors }) => ({ id: String(id), lost: String(sectors[0]!.id) }));
};
const lockEntry = (tx: TransactionSql, id: string) =>
  tx`select from slabmend.backlog where slab_id = ${id} for no key update nowait`;
const healed = (id: string) => sql`
  update sectors set host_id = ${hosts[3]!.id}, contract_sectors_map_id = ${hosts[3]!.contract!.mapId} where id = ${id}`;

/** Waits until a session waits for a lock. Throws after ten seconds. */
async function untilSomebodyWaits(): Promise<void> {
  for (const endsAt = Date.now() + 10_000; ; ) {
    const rows =
      await other`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    if (rows.length > 0) return;
    if (Date.now() > endsAt) throw new Error("no session waited for a lock within 10 s");
  }
}

test("the walk locks all entries in one order, whether it removes or records them", async () => {
  const [first, second] = await damaged();
  await healed(first!.lost);
  await sql`update slabmend.backlog set ready = false, look_at = now() - interval '1 minute'`;
  let walking: Promise<unknown> | undefined;
  await sql.begin(async (tx) => {
    await lockEntry(tx, first!.id);
    walking = look(sql);
    await untilSomebodyWaits();
    // The walk waits for the lock of the first entry, and does not hold the lock of the second entry.
    await lockEntry(tx, second!.id);
  });
  await walking;
  expect((await backlogRows(sql)).map(({ slab_id }) => slab_id)).toEqual([second!.id]);
});

test("reap and the end of a quarantine write history before they lock entries of the backlog", async () => {
  const [first, second] = await damaged();
  const { leases } = await lease(sql, { holdMs: 0 });
  expect(leases).toHaveLength(2);
  await sql`
    insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, next_repair_attempt, quarantined_until)
    select id, digest, 'crashed', now(), now(), now() + interval '1 hour' from slabs where id = ${second!.id}`;
  let reaping: ReturnType<typeof reapLeases> | undefined;
  await sql.begin(async (tx) => {
    expect(await releaseQuarantine(tx, "all")).toEqual([second!.id]);
    reaping = reapLeases(
      sql,
      leases.map(({ slabId, token }) => ({
        slabId: String(slabId),
        token,
        running: false,
        kind: "free",
        delayMs: 0,
      })),
    );
    await untilSomebodyWaits();
    await lockEntry(tx, first!.id);
  });
  expect(await reaping).toMatchObject({ freed: 2 });
});
