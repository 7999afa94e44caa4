/**
 * Databases that must not be written to. The next claim or reap reports why, because each run begins with
 * assertFleetMayWork. No writer changes these databases, not even in a repair that has already begun.
 */
import postgres, { type Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { upgradeIndexd } from "../../../dev/indexd/indexd-schema.ts";
import { flushMoved } from "../../../lib/database/indexd/bump-events.ts";
import { beginRepair } from "../../../lib/database/leases/begin-repair.ts";
import { commitRepair } from "../../../lib/database/leases/commit-repair.ts";
import { leaseSlab } from "../../../lib/database/leases/lease-slab.ts";
import { reapLeases } from "../../../lib/database/leases/reap-leases.ts";
import { assertFleetMayWork } from "../../../lib/database/schema/assert-fleet-may-work.ts";
import { applyGrant, createFleetRole, type FleetRole } from "../../cli/fleet-role.ts";
import type { TestDatabase } from "../../support/database.ts";
import {
  LOST,
  placeOn,
  type SeededHost,
  type SeededSlab,
  seedAccount,
  seedNetwork,
  seedObject,
  seedSlab,
} from "../../support/seed-indexd.ts";
import { leaseByHand, movesFromHere, requestOf } from "../running-lease.ts";
import { createVersionDatabase } from "./version-database.ts";

/** What is wrong with the database, the SQL that does this to a database of version 26, and the code of the refusal. */
const CHANGES: readonly (readonly [what: string, sql: string, code: string])[] = [
  ["is in the middle of an upgrade", "update global_settings set db_version = 24", "indexd-upgrading"],
  ["was replaced by one of an older indexd", "update global_settings set db_version = 21", "indexd-too-old"],
  ["was downgraded in number only", "update global_settings set db_version = 22", "indexd-changed"],
  ["lost a column that we write", "alter table sectors drop column num_migrated", "indexd-changed"],
  ["lost a column that we read", "alter table contracts drop column good cascade", "indexd-changed"],
  [
    "has a trigger disabled",
    "alter table slabs disable trigger slabs_maintain_repair_stats_update",
    "indexd-changed",
  ],
  [
    "has a view where a table was",
    "alter table hosts_blocklist rename to blocked; create view hosts_blocklist as select * from blocked; grant select on hosts_blocklist to public",
    "indexd-changed",
  ],
  [
    "has a function with an unknown text",
    "create or replace function slab_is_stuck(failures smallint, unrecoverable boolean) returns boolean language sql immutable parallel safe as 'select failures > 3'",
    "indexd-needs-consent",
  ],
  [
    "has a function that runs as its owner",
    "alter function slabs_maintain_repair_stats() security definer",
    "indexd-changed",
  ],
  [
    "has an unknown version number and one more column in a table that we write",
    "alter table sectors add meaning text; update global_settings set db_version = 27",
    "indexd-changed",
  ],
  [
    "has an unknown version number and one more column in a table that we read",
    "alter table objects add size bigint; update global_settings set db_version = 28",
    "indexd-needs-consent",
  ],
  ["took a right away", "revoke update (host_id) on sectors from ROLE", "lacks-right"],
  [
    "does not find public in the search_path",
    "alter role ROLE set search_path = other",
    "wrong-session-settings",
  ],
];

let database: TestDatabase;
let role: FleetRole;
let sql: Sql;
let hosts: SeededHost[];

describe.each(CHANGES)("a database that %s", (_what, change, code) => {
  beforeAll(async () => {
    database = await createVersionDatabase(26);
    sql = database.sql;
    role = await createFleetRole(database);
    hosts = await seedNetwork(sql, { hosts: 6 });
  });
  afterAll(async () => {
    await role.drop();
    await database.drop();
  });

  test(`is refused as ${code}, and no writer changes rows of indexd`, async () => {
    const slab = () => seedSlab(sql, { minShards: 1, sectors: [LOST, ...placeOn(hosts.slice(0, 3))] });
    const [running, leased, free, expired]: SeededSlab[] = [
      await slab(),
      await slab(),
      await slab(),
      await slab(),
    ];
    await seedObject(sql, { accountId: await seedAccount(sql), slabs: [running!] });
    await sql`insert into slabmend.moved (slab_id, digest, moved_at)
      values (${String(running!.id)}, ${Buffer.from(running!.digest, "hex")}, clock_timestamp())`;
    const token = await leaseByHand(sql, running!);
    const unbegun = await leaseByHand(sql, leased!, { running: false });
    const dead = await leaseByHand(sql, expired!, { expired: true });
    const request = requestOf(running!, token, {
      moves: await movesFromHere(sql, running!, [[0, hosts[4]!]]),
    });
    await sql.unsafe(change.replaceAll("ROLE", role.name));
    const fleet = postgres(role.url, { max: 2, onnotice: () => {} }) as Sql;
    try {
      const refusal = await assertFleetMayWork(fleet).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code, remedy: expect.stringMatching(/\w/) });
      const before = await stateOf();
      const writers = [
        () => commitRepair(fleet, request),
        () => beginRepair(fleet, { slabId: leased!.id, token: unbegun, worker: "w", holdMs: 60_000 }),
        () => leaseSlab(fleet, { slabId: free!.id, holdMs: 60_000, graceMs: 0, force: true }),
        () =>
          reapLeases(fleet, [
            { slabId: String(expired!.id), token: dead, running: true, kind: "crash", delayMs: 0 },
          ]),
        () => flushMoved(fleet),
      ];
      // In two cases only the first writer is tried: during an upgrade every writer waits until the upgrade has ended,
      // and a missing privilege stops only the writer that needs it.
      if (code === "lacks-right" || code === "indexd-upgrading") writers.length = 1;
      for (const write of writers) {
        const result = await write().catch((error: unknown) => error);
        expect(result).toSatisfy(
          (one: unknown) => one instanceof Error || (one as { kind?: string }).kind === "superseded",
        );
      }
      expect(await stateOf()).toEqual(before);
    } finally {
      await fleet.end();
    }
  });
});

/** Reads whole rows, because a query that names columns would fail in a database that lacks one of these columns. */
async function stateOf(): Promise<unknown> {
  return await sql`
    select (select jsonb_agg(to_jsonb(s) order by s.id) from slabs s) as slabs,
      (select jsonb_agg(to_jsonb(s) order by s.id) from sectors s) as sectors,
      (select jsonb_agg(to_jsonb(h) order by h.id) from hosts h) as hosts,
      (select jsonb_agg(to_jsonb(e) order by e.object_key) from object_events e) as events,
      (select jsonb_agg(to_jsonb(d) order by d.id) from stats_deltas d) as deltas`;
}

describe("an upgrade that rebuilds a table", () => {
  beforeAll(async () => {
    database = await createVersionDatabase(26);
    sql = database.sql;
    role = await createFleetRole(database);
  });
  afterAll(async () => {
    await role.drop();
    await database.drop();
  });

  test("after an upgrade that removes privileges, a run fails and names them; after a new grant events are bumped", async () => {
    const slab = await seedSlab(sql, { minShards: 1, sectors: [LOST] });
    await seedObject(sql, { accountId: await seedAccount(sql), slabs: [slab] });
    await sql`insert into slabmend.moved (slab_id, digest, moved_at)
      values (${String(slab.id)}, ${Buffer.from(slab.digest, "hex")}, clock_timestamp())`;
    await sql.unsafe(`
      alter sequence objects_id_seq owned by none;
      alter table objects rename to objects_old;
      create table objects (like objects_old including all);
      insert into objects select * from objects_old;
      alter table object_slabs drop constraint object_slabs_object_id_fkey;
      drop table objects_old;
      alter table objects add foreign key (account_id) references accounts (id);
      alter table object_slabs add foreign key (object_id) references objects (id) on delete cascade`);
    const fleet = postgres(role.url, { max: 1, onnotice: () => {} }) as Sql;
    try {
      await expect(assertFleetMayWork(fleet)).rejects.toMatchObject({
        code: "lacks-right",
        message: expect.stringContaining(
          "select (id) on public.objects; select (object_key) on public.objects",
        ),
        details: { missing: 2 },
      });
      await expect(flushMoved(fleet)).rejects.toMatchObject({ code: "42501" });
      await applyGrant(database.url, role.name, 4);
      expect(await assertFleetMayWork(fleet)).toMatchObject({
        verdict: { kind: "known" },
        missingRights: [],
      });
      expect(await flushMoved(fleet)).toBe(1);
    } finally {
      await fleet.end();
    }
  });
});

test("a fleet whose grant predates indexd's upgrade still works, and names the privileges that it lacks", async () => {
  database = await createVersionDatabase(22);
  role = await createFleetRole(database);
  const fleet = postgres(role.url, { max: 1, onnotice: () => {} }) as Sql;
  try {
    expect(await assertFleetMayWork(fleet)).toMatchObject({ verdict: { profile: 22 }, missingRights: [] });
    await upgradeIndexd(database.sql);
    expect(await assertFleetMayWork(fleet)).toMatchObject({
      verdict: { kind: "known", profile: 26 },
      missingRights: [
        "select (unrecoverable_reason) on public.slabs",
        "select (unrecoverable_since) on public.slabs",
        "update (unrecoverable_reason) on public.slabs",
        "update (unrecoverable_since) on public.slabs",
      ],
    });
    await applyGrant(database.url, role.name, 4);
    expect(await assertFleetMayWork(fleet)).toMatchObject({ missingRights: [] });
  } finally {
    await fleet.end();
    await role.drop();
    await database.drop();
  }
});

describe("an unknown version", () => {
  beforeAll(async () => {
    database = await createVersionDatabase(26);
    sql = database.sql;
  });
  afterAll(() => database.drop());

  test("a fleet works on an unknown version without relevant differences", async () => {
    await sql`update global_settings set db_version = 27`;
    expect(await assertFleetMayWork(sql)).toMatchObject({
      verdict: { kind: "identical", version: 27, profile: 26 },
    });
  });

  test("on an unknown version that adds a column to a table we read, a fleet works only if an operator accepts it", async () => {
    await sql.unsafe("alter table objects add size bigint; update global_settings set db_version = 28");
    for (const accepted of [undefined, 27]) {
      await expect(assertFleetMayWork(sql, accepted)).rejects.toMatchObject({
        code: "indexd-needs-consent",
        message: expect.stringContaining("column objects.size: expected none, got bigint"),
        remedy: expect.stringContaining("SLABMEND_ACCEPT_INDEXD_VERSION=28"),
      });
    }
    expect(await assertFleetMayWork(sql, 28)).toMatchObject({
      verdict: { kind: "consent", isAccepted: true },
    });
  });
});
