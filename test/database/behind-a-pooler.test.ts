import postgres, { type Sql } from "postgres";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkRules } from "../../dev/demo/check-rules.ts";
import { systemClock } from "../../lib/clock/clock.ts";
import { flushMoved } from "../../lib/database/indexd/bump-events.ts";
import { beginRepair } from "../../lib/database/leases/begin-repair.ts";
import { commitRepair } from "../../lib/database/leases/commit-repair.ts";
import { extendLease } from "../../lib/database/leases/extend-lease.ts";
import { assertStoreVersion } from "../../lib/database/schema/migrate-database.ts";
import { claim } from "../../lib/jobs/claim/claim.ts";
import { reap } from "../../lib/jobs/reap/reap.ts";
import { DEFAULT_REAP_SETTINGS } from "../../lib/jobs/reap/reap-settings.ts";
import { walkSettings } from "../jobs/backlog/backlog-fixture.ts";
import { recordingQueue, settings } from "../jobs/claim/claim-fixture.ts";
import { askOf } from "../support/ask.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { LOST, placeOn, seedAccount, seedNetwork, seedObject, seedSlab } from "../support/seed-indexd.ts";
import { movesFromHere, requestOf } from "./running-lease.ts";

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

test("a whole repair works if every statement runs on a different backend", async () => {
  const { sql } = database;
  const hosts = await seedNetwork(sql, { hosts: 6 });
  const slab = await seedSlab(sql, { minShards: 1, sectors: [LOST, ...placeOn(hosts.slice(0, 3))] });
  await seedObject(sql, { accountId: await seedAccount(sql), slabs: [slab] });

  // Like lib/database/client/connect.ts: without prepared statements and type look-ups.
  const backends = Array.from({ length: 3 }, () =>
    postgres(database.url, { max: 1, prepare: false, fetch_types: false, onnotice: () => {} }),
  );
  let statements = 0;
  const pooled = new Proxy(backends[0]!, {
    apply(_target, _self, args: never[]) {
      // Calls for fragments of statements are counted too, which is harmless: any client may build a fragment.
      statements += 1;
      return Reflect.apply(backends[statements % backends.length]!, undefined, args);
    },
  }) as Sql;
  try {
    await assertStoreVersion(pooled);
    const queue = recordingQueue();
    const claiming = settings({ walk: walkSettings(), budget: { repairs: 5n } });
    expect(await claim({ ask: askOf(pooled), queue, clock: systemClock }, claiming, 5_000)).toMatchObject({
      sent: 1,
    });
    const { token } = queue.messages[0]!;
    const begun = await beginRepair(pooled, { slabId: slab.id, token, worker: "w", holdMs: 60_000 });
    expect(begun.kind).toBe("begun");
    expect(await extendLease(pooled, { slabId: slab.id, token })).toBe(true);
    const moves = await movesFromHere(sql, slab, [[0, hosts[4]!]]);
    expect(await commitRepair(pooled, requestOf(slab, token, { moves }))).toMatchObject({ recorded: [0] });
    expect(await flushMoved(pooled)).toBe(1);
    const deadLetters = { receive: async () => [], delete: async () => {} };
    const report = await reap(
      { ask: askOf(pooled), queue, deadLetters, indexer: "default", clock: systemClock },
      DEFAULT_REAP_SETTINGS,
      5_000,
    );
    expect(report.breaker).toBe("closed");
    expect(await checkRules(pooled, { settled: true })).toEqual([]);
    expect(statements).toBeGreaterThan(10);
  } finally {
    await Promise.all(backends.map((backend) => backend.end()));
  }
});
