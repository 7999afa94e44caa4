/**
 * `slabmend move-database` as an operator types it, in the parts that need no pg_dump; the rest is in
 * test/jobs/move-database.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRun } from "../../lib/database/runs/maintenance-runs.ts";
import {
  createMoveWorld,
  type MoveServers,
  type MoveWorld,
  startMoveServers,
  tracesOf,
} from "../support/move-world.ts";
import { runCli } from "./run-cli.ts";

let servers: MoveServers;
let world: MoveWorld;
beforeAll(async () => {
  servers = await startMoveServers();
  world = await createMoveWorld(servers);
});
afterAll(async () => {
  await world?.drop();
  await servers?.stop();
});

const NO_DUMP = ["--pg-dump", "/nowhere/pg_dump"];
const failuresOf = (findings: Awaited<ReturnType<MoveWorld["move"]>>["report"]["findings"]) =>
  findings?.filter(({ level }) => level === "failure").map(({ code }) => code);

test("move-database plan finds what cannot be moved, reports a missing pg_dump, and changes nothing", async () => {
  const { source, target } = world;
  const clean = await world.move("plan", ...NO_DUMP);
  expect([clean.code, failuresOf(clean.report.findings)]).toEqual([6, ["pg-dump"]]);
  expect(clean.report.findings?.find(({ code }) => code === "pg-dump")?.says).toContain(
    "none at /nowhere/pg_dump",
  );
  await source.unsafe(`
    create table public.without_key (n integer);
    create unlogged table public.cache (n integer primary key);
    create materialized view public.sums as select 1 as n;
    create function public.nothing() returns trigger language plpgsql as 'begin return null; end';
    create trigger twice after insert on public.quotas for each row execute function public.nothing();
    alter table public.quotas enable always trigger twice;
    select lo_create(0);
    alter role indexd in database indexd set idle_session_timeout = '1h';
    alter role slabmend superuser`);
  await target.unsafe("create table public.occupied (n integer)");
  const broken = await world.move("plan", ...NO_DUMP);
  expect(failuresOf(broken.report.findings)).toEqual([
    "pg-dump",
    "no-key",
    "unlogged",
    "materialized-view",
    "trigger-on-replica",
    "large-objects",
    "target-not-empty",
  ]);
  expect(broken.report.findings?.map(({ code }) => code)).toContain("superusers");
  const start = await world.move("start", ...NO_DUMP);
  expect([start.code, start.report.run]).toEqual([6, null]);
  expect(await source`select from slabmend.runs`).toHaveLength(0);
  await source.unsafe(`
    drop table public.without_key, public.cache; drop materialized view public.sums; drop trigger twice on public.quotas;
    drop function public.nothing; select lo_unlink(oid) from pg_largeobject_metadata; alter role slabmend nosuperuser`);
  await target.unsafe("drop table public.occupied");
  expect([await tracesOf(source), await tracesOf(target)]).toEqual([[], []]);
});

test("move-database reports a target port without PostgreSQL and a missing URL", async () => {
  const nowhere = await world.move("plan", ...NO_DUMP, "--source-address", "127.0.0.1:1");
  expect(nowhere.report.findings?.find(({ code }) => code === "reach")?.says).toContain("Connection refused");
  const { SLABMEND_DATABASE_URL } = world.environment;
  const missing = await runCli(["--json", "move-database", "status"], {
    environment: { SLABMEND_DATABASE_URL },
  });
  expect([missing.code, missing.error?.code]).toEqual([3, "database-url-missing"]);
  const { json } = await runCli(["--json", "move-database", "status"], { environment: world.environment });
  expect(json).toMatchObject({ run: null, alarms: [] });
  // Source and target interchanged: the source has none of our tables.
  const { SLABMEND_TARGET_DATABASE_URL } = world.environment;
  const swapped = {
    SLABMEND_DATABASE_URL: SLABMEND_TARGET_DATABASE_URL,
    SLABMEND_TARGET_DATABASE_URL: SLABMEND_DATABASE_URL,
  };
  const empty = await runCli(["--json", "move-database", "status"], { environment: swapped });
  expect(empty.json).toMatchObject({ run: null, alarms: [] });
  const start = await runCli(["--json", "move-database", "start", ...NO_DUMP], { environment: swapped });
  expect([start.code, start.error?.code]).toEqual([4, "not-indexd"]);
  for (const command of ["switch", "finish", "abort"]) {
    const none = await world.move(command);
    expect([command, none.code, none.error?.code]).toEqual([command, 5, "no-move"]);
  }
});

test("during a move, init and uninstall refuse, and only move-database commands control the run", async () => {
  const { source, environment } = world;
  await startRun(source, { kind: "move-database", scope: {}, owner: "ann" });
  const run = (...args: string[]) => runCli(["--json", ...args], { environment });
  for (const command of ["init", "uninstall"]) {
    const { code, error } = await run(command, "--yes");
    expect([command, code, error?.code]).toEqual([command, 4, "schema-moving"]);
  }
  for (const request of ["pause", "cancel"]) {
    const { code, error } = await run("maintenance", request);
    expect([request, code, error?.code]).toEqual([request, 5, "run-attended"]);
  }
  await source`delete from slabmend.runs`;
});
