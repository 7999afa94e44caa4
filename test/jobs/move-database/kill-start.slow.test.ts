/** The start is killed at each step; then it continues, or is aborted and leaves nothing on either server. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import {
  createMoveWorld,
  type MoveServers,
  type MoveWorld,
  PG_DUMP,
  startMoveServers,
  tracesOf,
} from "../../support/move-world.ts";

let servers: MoveServers;
let world: MoveWorld;
beforeAll(async () => {
  servers = await startMoveServers();
});
afterAll(() => servers?.stop());
beforeEach(async () => {
  world = await createMoveWorld(servers);
  await world.store(5);
});
afterEach(() => world.drop());

/** What an abort has to put back: the source's rights, and a target as empty as it was. */
async function footprint() {
  const { source, target } = world;
  const [rights] = await source`
    select has_database_privilege('public', current_database(), 'connect') as source_open,
      (select mode from slabmend.fleet) as mode`;
  const contents = await target`
    select nspname::text as name from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
    union all select relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public'
    union all select rolname::text from pg_roles where rolname !~ '^pg_'
    union all select 'open to all' where has_database_privilege('public', current_database(), 'connect')
    order by 1`;
  return {
    ...rights,
    contents: contents.map(({ name }) => name),
    traces: [await tracesOf(source), await tracesOf(target)],
  };
}

const STEPS = ["roles made", "dumped", "schema loaded", "published", "subscribed", "copied"];

test.skipIf(PG_DUMP === undefined).each(STEPS)(
  "after a kill at '%s' start continues, and abort leaves nothing behind",
  async (step) => {
    const before = await footprint();
    expect(before.contents).toEqual(["open to all", "postgres", "public"]);
    await world.killAt("ready", step);
    const started = await world.move("start");
    expect([started.code, started.err, started.report.run?.step]).toEqual([0, "", "ready"]);
    expect(await world.target`select count(*)::integer as n from public.slabs`).toEqual([{ n: 5 }]);
    const aborted = await world.move("abort", "--yes");
    expect([aborted.code, aborted.err, aborted.report.run?.state]).toEqual([0, "", "cancelled"]);
    expect(await footprint()).toEqual(before);
  },
);

test.skipIf(PG_DUMP === undefined).each(STEPS)(
  "after a kill at '%s' abort leaves nothing behind, and start works again",
  async (step) => {
    const before = await footprint();
    await world.killAt("ready", step);
    const aborted = await world.move("abort", "--yes");
    expect([aborted.code, aborted.err, aborted.report.run?.state]).toEqual([0, "", "cancelled"]);
    expect(await footprint()).toEqual(before);
    const again = await world.move("start");
    expect([again.code, again.report.run?.step]).toEqual([0, "ready"]);
  },
);
