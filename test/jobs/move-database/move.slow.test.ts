/** A real move between two servers, as an operator types it. */
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  createMoveWorld,
  type MoveServers,
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
    `PostgreSQL ${version} to 18: plan, start, switch and finish, with writes all the time`,
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
        await world.store(20);
        const status = await world.move("status");
        expect([status.code, status.report.alarms]).toEqual([0, []]);
        const indexd = postgres(world.urlOf("source", "indexd"), { max: 1, onnotice: () => {} });
        await indexd`select 1`;
        const switched = await world.move("switch", "--yes");
        expect([switched.code, switched.err]).toEqual([0, ""]);
        expect(switched.report.run).toMatchObject({ state: "running", step: "opened" });
        await expect(indexd`select 1`).rejects.toMatchObject({ code: "42501" });
        await indexd.end();
        for (const role of ["indexd", "fleet"] as const) {
          const sql = postgres(world.urlOf("target", role), { max: 1, onnotice: () => {} });
          expect(await sql`select mode from slabmend.fleet`.catch((error) => error.message)).toEqual([
            { mode: "running" },
          ]);
          await sql.end();
        }
        expect(await world.target`select count(*)::integer as n from slabs`).toEqual([{ n: 40 }]);
        expect(await world.target`select state from slabmend.runs`).toEqual([{ state: "done" }]);
        expect(await world.target`select incarnation from slabmend.journal_head`).toEqual([
          { incarnation: 2 },
        ]);
        expect(await statisticsThatDisagree(world.target)).toEqual([]);
        const finished = await world.move("finish");
        expect([finished.code, finished.err]).toEqual([0, ""]);
        expect(finished.report.run).toMatchObject({ state: "done" });
        expect(await tracesOf(world.source)).toEqual([]);
        console.log(finished.out);
      } finally {
        console.log(
          servers.log
            .filter((line) => /ERROR|FATAL/.test(line))
            .slice(-20)
            .join("\n"),
        );
        await world.drop();
        await servers.stop();
      }
    },
  );
}
