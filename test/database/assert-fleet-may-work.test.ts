/** The order of reported problems: a wrong version is reported before missing privileges on its tables. */
import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { assertFleetMayWork } from "../../lib/database/schema/assert-fleet-may-work.ts";
import { createFleetRole, type FleetRole } from "../cli/fleet-role.ts";
import { useDatabase } from "../support/database.ts";

const database = useDatabase();
let role: FleetRole;
beforeAll(async () => {
  role = await createFleetRole(database);
});
afterAll(() => role.drop());

/**
 * Makes these changes as the owner, then checks under the role `name`. Both steps run in one transaction, which is
 * rolled back.
 */
async function failureOf(changes: string, name = role.name): Promise<unknown> {
  let failure: unknown;
  await database.sql
    .begin(async (tx) => {
      await tx.unsafe(changes);
      await tx.unsafe(`set local role ${name}`);
      failure = await assertFleetMayWork(tx).catch((error: unknown) => error);
      throw new Error("roll back");
    })
    .catch((error: Error) => {
      if (error.message !== "roll back") throw error;
    });
  return failure;
}

test.each([
  ["nothing is amiss", "", undefined],
  [
    "an unknown indexd with different columns",
    "update global_settings set db_version = 99; alter table slabs rename column min_shards to least_shards",
    "indexd-changed",
  ],
  ["an indexd that never started", "delete from global_settings", "not-indexd"],
  ["no indexd", "drop table global_settings cascade", "not-indexd"],
  ["no schema of ours", "drop schema slabmend cascade", "schema-missing"],
  [
    "an older schema of ours",
    "delete from slabmend.database_migrations; drop table slabmend.budget",
    "schema-too-old",
  ],
  ["a missing privilege of the commit", "revoke update (host_id) on sectors from ROLE", "lacks-right"],
  [
    "a missing privilege to append statistics",
    "revoke usage on sequence stats_deltas_id_seq from ROLE",
    "lacks-right",
  ],
  ["the versions may not be read", "revoke select on slabmend.database_migrations from ROLE", "lacks-right"],
  ["the schema may not be used", "revoke usage on schema slabmend from ROLE", "lacks-right"],
])("%s", async (_name, changes, code) => {
  const failure = await failureOf(changes.replaceAll("ROLE", role.name));
  expect((failure as { code?: string } | undefined)?.code).toBe(code);
});

test("a role without grants gets a list of missing privileges and the remedy, not a server error", async () => {
  const name = `bare_${randomBytes(6).toString("hex")}`;
  expect(await failureOf(`create role ${name}`, name)).toMatchObject({
    name: "StoreError",
    code: "lacks-right",
    message: expect.stringMatching(/missing .* on public\..* and \d+ more/),
    remedy: expect.stringContaining("slabmend grant"),
  });
});

test("assertFleetMayWork takes five round trips", async () => {
  let queries = 0;
  const sql = postgres(role.url, { max: 1, prepare: false, fetch_types: false, debug: () => (queries += 1) });
  await assertFleetMayWork(sql);
  expect(queries).toBe(5);
  await sql.end();
});
