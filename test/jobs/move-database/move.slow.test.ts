/** A real move between two servers, as an operator types it. */
import postgres, { type Sql } from "postgres";
import { expect, test } from "vitest";
import {
  createMoveWorld,
  type MoveWorld,
  PG_DUMP,
  POSTGRES_17,
  startMoveServers,
  tracesOf,
} from "../../support/move-world.ts";
import { statisticsThatDisagree } from "../../support/seed-statistics.ts";

const versions = [
  ["17", POSTGRES_17],
  ["18", undefined],
] as const;

for (const [version, binaries] of versions) {
  const isMissing = PG_DUMP === undefined || (version === "17" && binaries === undefined);
  test.skipIf(isMissing)(
    `a move from PostgreSQL ${version} to 18 copies all rows, sequences, roles, passwords and settings, and leaves nothing behind`,
    async () => {
      const servers = await startMoveServers(binaries === undefined ? {} : { binaries });
      const world = await createMoveWorld(servers);
      try {
        await world.store(20);
        const plan = await world.move("plan");
        expect(plan.report.findings?.filter(({ level }) => level === "failure")).toEqual([]);
        expect([plan.code, plan.err]).toEqual([0, ""]);
        const start = await world.move("start");
        expect([start.code, start.err]).toEqual([0, ""]);
        expect(start.report.run).toMatchObject({ state: "running", step: "ready" });
        await expectClosed(world.urlOf("target", "indexd"));
        await world.store(20);
        const status = await world.move("status");
        expect([status.code, status.report.alarms]).toEqual([0, []]);
        expect(status.report.replication).toMatchObject({ walStatus: "reserved", isApplying: true });

        const indexd = open(world.urlOf("source", "indexd"));
        await indexd`select 1`;
        const switched = await world.move("switch", "--yes");
        expect([switched.code, switched.err]).toEqual([0, ""]);
        expect(switched.report.run).toMatchObject({ state: "running", step: "opened" });
        await expect(indexd`select 1`).rejects.toMatchObject({ code: "42501" });
        await indexd.end();
        await expectMoved(world);

        const late = await world.move("abort", "--yes");
        expect([late.code, late.error?.code]).toEqual([5, "move-state"]);
        const finished = await world.move("finish");
        expect([finished.code, finished.err]).toEqual([0, ""]);
        expect(finished.report.run).toMatchObject({ state: "done" });
        expect([await tracesOf(world.source), await tracesOf(world.target)]).toEqual([[], []]);
        await expectClosed(world.urlOf("source", "indexd"));
        // Statements that contain a password, or its verifier, must not be in the server's log.
        expect(
          servers.log.filter((line) => /password=|SCRAM-SHA-256\$|create subscription/i.test(line)),
        ).toEqual([]);
      } finally {
        await world.drop();
        await servers.stop();
      }
    },
  );
}

const open = (url: string): Sql => postgres(url, { max: 1, onnotice: () => {} });

async function expectClosed(url: string): Promise<void> {
  const sql = open(url);
  await expect(sql`select 1`).rejects.toMatchObject({ code: expect.stringMatching(/^(42501|28000|28P01)$/) });
  await sql.end();
}

async function expectMoved({ target, urlOf }: MoveWorld): Promise<void> {
  for (const role of ["indexd", "fleet"] as const) {
    const sql = open(urlOf("target", role));
    expect(await sql`select mode from slabmend.fleet`).toEqual([{ mode: "running" }]);
    expect(await sql`select current_setting('work_mem') as work_mem`).toEqual([{ work_mem: "5MB" }]);
    await sql.end();
  }
  expect(await target`select count(*)::integer as n from slabs`).toEqual([{ n: 40 }]);
  expect(await target`select state from slabmend.runs`).toEqual([{ state: "done" }]);
  expect(await target`select incarnation from slabmend.journal_head`).toEqual([{ incarnation: 2 }]);
  expect(
    await target`
    select pg_get_userbyid(datdba)::text as owner, has_database_privilege('public', oid, 'connect') as open_to_all
    from pg_database where datname = current_database()`,
  ).toEqual([{ owner: "indexd", open_to_all: true }]);
  const [limit] = await target`select rolconnlimit from pg_roles where rolname = 'slabmend'`;
  expect(limit).toEqual({ rolconnlimit: 7 });
  expect(await statisticsThatDisagree(target)).toEqual([]);
  // The sequence was copied, too: its next id is free.
  const indexd = open(urlOf("target", "indexd"));
  const [next] = await indexd`select nextval('slabs_id_seq') > (select max(id) from slabs) as is_free`;
  expect(next).toEqual({ is_free: true });
  await indexd.end();
}
