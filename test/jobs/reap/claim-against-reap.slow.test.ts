import type { Sql } from "postgres";
import postgres from "postgres";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../lib/clock/clock.ts";
import { releaseQuarantine } from "../../../lib/database/fleet/quarantine.ts";
import { claim } from "../../../lib/jobs/claim/claim.ts";
import { reapExpiredLeases } from "../../../lib/jobs/reap/reap-expired-leases.ts";
import { DEFAULT_REAP_SETTINGS } from "../../../lib/jobs/reap/reap-settings.ts";
import { askOf } from "../../support/ask.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { LOST, seedHost, seedSlabs } from "../../support/seed-indexd.ts";
import { walkSettings } from "../backlog/backlog-fixture.ts";
import { recordingQueue, settings } from "../claim/claim-fixture.ts";

/** Time limit: a hundred times as long as the test takes on an idle machine. */
const HANGS_AFTER_MS = 300_000;

let database: TestDatabase;
let sql: Sql;
beforeEach(async () => {
  database = await createTestDatabase();
  sql = database.sql;
});
afterEach(() => database.drop());

test("claims, reaps, indexd's claims and repairs, and releases from quarantine do not deadlock", async () => {
  const slabs = 300;
  const host = await seedHost(sql);
  await seedSlabs(sql, {
    slabs: Array.from({ length: slabs }, () => ({ minShards: 1, sectors: [LOST, LOST] })),
  });
  const clients = Array.from({ length: 11 }, () => postgres(database.url, { max: 1, onnotice: () => {} }));
  let leased = 0;
  let freed = 0;
  let claimedByIndexd = 0;
  let healed = 0;
  let released = 0;
  // The test runs for at least three seconds, and until every slab has had its turn.
  const startedAt = Date.now();
  const have = () => ({
    leased: leased > slabs,
    freed: freed > slabs,
    claimedByIndexd: claimedByIndexd > 0,
    healed: healed > slabs,
    released: released > 0,
  });
  const isOver = (): boolean => {
    const tookMs = Date.now() - startedAt;
    return (tookMs >= 3_000 && Object.values(have()).every(Boolean)) || tookMs >= HANGS_AFTER_MS;
  };
  try {
    await Promise.all([
      // The leases expire at once, so that claim and reap always compete.
      ...clients.slice(0, 4).map(async (client) => {
        while (!isOver()) {
          const report = await claim(
            { ask: askOf(client), queue: recordingQueue(), clock: systemClock },
            settings({
              holdMs: 0,
              batchLeases: 30,
              walk: walkSettings({ everyMs: 0, pageSectors: 40 }),
            }),
            200,
          );
          leased += report.leased;
        }
      }),
      ...clients.slice(4, 8).map(async (client) => {
        while (!isOver()) {
          const counts = await reapExpiredLeases({ ask: askOf(client) }, DEFAULT_REAP_SETTINGS, {
            breakerIsOpen: false,
            timeIsUp: isOver,
          });
          freed += counts.freed + counts.taken;
        }
      }),
      (async () => {
        const client = clients[8]!;
        while (!isOver()) {
          const rows = await client`
            update slabs set next_repair_attempt = now() - interval '1 second'
            where id in (
              select id from slabs where next_repair_attempt < now() order by random() limit 20 for update skip locked
            ) returning id`;
          claimedByIndexd += rows.length;
          // Locks slabs in the order of their digests, and waits for each lock, as a deletion by indexd does.
          await client.begin(async (tx) => {
            await tx`select digest from slabs where id % 37 = 0 order by digest for update`;
          });
        }
      })(),
      (async () => {
        // Some slabs become healthy and others unhealthy, so that the backlog always loses and gains entries.
        const client = clients[9]!;
        while (!isOver()) {
          const [row] = await client<{ healed: number }[]>`
              with changed as (
                update sectors x set host_id = case when x.host_id is null then ${host.id}::integer end,
                  contract_sectors_map_id = case when x.host_id is null then ${host.contract!.mapId}::integer end
                from (select distinct slab_id from slab_sectors where random() < 0.2) s
                join slab_sectors ss on ss.slab_id = s.slab_id
                where x.id = ss.sector_id
                returning x.host_id
              )
              select count(host_id)::integer as healed from changed`;
          healed += row!.healed;
        }
      })(),
      (async () => {
        const client = clients[10]!;
        while (!isOver()) {
          await client`
              update slabmend.repairs set quarantined_until = now() + interval '1 hour', quarantine_reason = 'test'
              where slab_id in (
                select slab_id from slabmend.repairs where random() < 0.5 order by slab_id for update)`;
          released += (await releaseQuarantine(client, "all")).length;
        }
      })(),
    ]);
    expect(have()).toEqual({
      leased: true,
      freed: true,
      claimedByIndexd: true,
      healed: true,
      released: true,
    });
    const [left] = await sql<{ live: number }[]>`select count(*)::int as live from slabmend.leases`;
    expect(leased).toBe(freed + left!.live);
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
  // The server counts every deadlock, also the deadlocks that a retry has hidden. A backend reports its deadlocks when
  // it ends.
  const [row] = await sql`select deadlocks::int from pg_stat_database where datname = current_database()`;
  expect(row).toEqual({ deadlocks: 0 });
});
