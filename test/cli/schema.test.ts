import { describe, expect, test } from "vitest";
import { STORE_VERSION } from "../../lib/database/schema/migrate-database.ts";
import { useDatabase } from "../support/database.ts";
import { placeOn, seedNetwork, seedSlab } from "../support/seed-indexd.ts";
import { createFleetRole } from "./fleet-role.ts";
import { runCli } from "./run-cli.ts";

const database = useDatabase({ schema: "indexd" });
const cli = (...args: string[]) => runCli(args, { environment: { SLABMEND_DATABASE_URL: database.url } });
const hasSchema = async (): Promise<boolean> =>
  (await database.sql`select from pg_namespace where nspname = 'slabmend'`).length > 0;
/** Everything about indexd's tables that we could have altered. */
const catalogue = () => database.sql`
  select c.relname, a.attname, a.atttypid, a.attnotnull, c.relacl::text, c.relhastriggers
  from pg_class c join pg_attribute a on a.attrelid = c.oid
  where c.relnamespace = 'public'::regnamespace order by 1, 2`;

describe("init and uninstall", () => {
  test("init and uninstall print their plan, and run only after confirmation", async () => {
    const before = await catalogue();
    const asked = await cli("init");
    expect([asked.code, await hasSchema()]).toEqual([5, false]);
    expect(asked.err).toContain("create schema slabmend");
    expect(asked.err).toContain("--yes");

    const dry = await cli("init", "--dry-run", "--json");
    expect([dry.code, dry.json, await hasSchema()]).toMatchObject([0, { done: false }, false]);
    const inWords = await cli("init", "--dry-run");
    expect(inWords).toMatchObject({ code: 0, err: "" });
    expect(inWords.out).toMatch(/^It will\n- create schema slabmend, (.*\n)+nothing was changed\n$/);

    const made = await cli("init", "--yes", "--json");
    expect([made.code, made.json]).toMatchObject([0, { done: true, from: 0, to: STORE_VERSION }]);
    const again = await cli("init", "--yes", "--json");
    expect([again.code, again.json]).toMatchObject([0, { from: STORE_VERSION, to: STORE_VERSION }]);

    expect((await cli("uninstall")).code).toBe(5);
    const removal = await cli("uninstall", "--dry-run");
    expect(removal).toMatchObject({ code: 0, err: "" });
    expect(removal.out).toContain("- drop schema slabmend with everything in it");
    expect(await hasSchema()).toBe(true);
    expect(await cli("uninstall", "--yes", "--json")).toMatchObject({ code: 0, json: { done: true } });
    expect(await hasSchema()).toBe(false);
    expect((await cli("uninstall", "--yes", "--json")).error?.code).toBe("nothing-to-remove");
    expect(await catalogue()).toEqual(before);
  });

  test("uninstall refuses while repairs run; with --force it frees leased slabs and bumps moved slabs' events", async () => {
    const { sql } = database;
    await cli("init", "--yes");
    const slab = await seedSlab(sql, {
      minShards: 2,
      sectors: placeOn(await seedNetwork(sql, { hosts: 4 })),
    });
    await sql`update slabs set next_repair_attempt = clock_timestamp() + interval '1 hour'`;
    await sql`
      insert into slabmend.leases (slab_id, digest, leased_at, held_until, sending_since, began_at, worker, expires_at, margin)
      select id, digest, now(), next_repair_attempt, now(), now(), 'test', now() + interval '2 minutes', 0 from slabs`;
    await sql`
      insert into slabmend.moved (slab_id, digest, moved_at) select id, digest, now() from slabs`;
    const refused = await cli("uninstall", "--yes", "--json");
    expect([refused.code, refused.error?.code, await hasSchema()]).toEqual([5, "leases-running", true]);

    expect(await cli("uninstall", "--yes", "--force", "--json")).toMatchObject({
      code: 0,
      json: { eventsBumped: 1, slabsFreed: 1 },
    });
    const [row] = await sql`
      select next_repair_attempt <= clock_timestamp() as free from slabs where id = ${String(slab.id)}`;
    expect(row).toEqual({ free: true });
  });
});

describe("init and uninstall refuse", () => {
  test.each(["--dry-run", "--yes"])("uninstall %s refuses the fleet's role", async (option) => {
    await cli("init", "--yes");
    const role = await createFleetRole(database);
    try {
      const { code, error } = await runCli(["uninstall", option, "--json"], {
        environment: { SLABMEND_DATABASE_URL: role.url },
      });
      const owner = new URL(database.url).username;
      expect([code, error?.code, error?.remedy]).toEqual([
        4,
        "lacks-right",
        `Run uninstall as ${owner}; the fleet's role may not do it.`,
      ]);
      expect(await hasSchema()).toBe(true);
    } finally {
      await role.drop();
      await cli("uninstall", "--yes");
    }
  });

  test.each(["--dry-run", "--yes"])(
    "init %s on the schema of a newer release changes nothing",
    async (option) => {
      const { sql } = database;
      await cli("init", "--yes");
      await sql`
      insert into slabmend.database_migrations (version, name) values (${STORE_VERSION + 1}, 'of a later release')`;
      const { code, error, out } = await cli("init", option, "--json");
      expect([code, error?.code, out]).toEqual([4, "schema-too-new", ""]);
      expect(error?.message).toContain(String(STORE_VERSION + 1));
      await sql`delete from slabmend.database_migrations where version > ${STORE_VERSION}`;
      expect((await cli("uninstall", "--yes")).code).toBe(0);
    },
  );
});

describe("init refuses a database", () => {
  test("init refuses a database without indexd, with a too old indexd, or with an unprivileged role", async () => {
    const { sql } = database;
    await sql`update global_settings set db_version = db_version - 1000`;
    const unknown = await cli("init", "--yes", "--json");
    expect([unknown.code, unknown.error?.code]).toEqual([4, "indexd-too-old"]);
    expect(await hasSchema()).toBe(false);
    await sql`update global_settings set db_version = db_version + 1000`;

    const role = `reader_${process.pid}`;
    await sql.unsafe(
      `create role ${role} login password 'test'; grant select on all tables in schema public to ${role}`,
    );
    const url = new URL(database.url);
    url.username = role;
    url.password = "test";
    const asReader = await runCli(["init", "--yes", "--json"], {
      environment: { SLABMEND_DATABASE_URL: url.href },
    });
    expect([asReader.code, asReader.error?.code]).toEqual([4, "lacks-right"]);
    url.password = "wrong";
    const stranger = await runCli(["init", "--yes", "--json"], {
      environment: { SLABMEND_DATABASE_URL: url.href },
    });
    expect([stranger.code, stranger.error?.code]).toEqual([4, "login-refused"]);
    await sql.unsafe(`drop owned by ${role}; drop role ${role}`);

    const empty = new URL(database.url);
    empty.pathname = "/postgres";
    const other = await runCli(["init", "--yes", "--json"], {
      environment: { SLABMEND_DATABASE_URL: empty.href },
    });
    expect([other.code, other.error?.code]).toEqual([4, "not-indexd"]);
    empty.pathname = "/nowhere";
    const none = await runCli(["init", "--yes", "--json"], {
      environment: { SLABMEND_DATABASE_URL: empty.href },
    });
    expect([none.code, none.error?.code]).toEqual([4, "no-such-database"]);
  });

  test("a command that needs slabmend's schema says how to create it", async () => {
    const status = await cli("status", "--json");
    expect([status.code, status.error?.code, status.error?.remedy]).toEqual([
      4,
      "schema-missing",
      "Create it: slabmend init.",
    ]);
  });
});
