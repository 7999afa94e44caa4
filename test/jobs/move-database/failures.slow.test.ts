/** Failures during a move, with real servers. */
import postgres from "postgres";
import { beforeEach, expect, test } from "vitest";
import { takeRun } from "../../../lib/database/runs/maintenance-runs.ts";
import { startFleetExporter } from "../../../lib/server/fleet-exporter.ts";
import { createLogger } from "../../../lib/telemetry/logger.ts";
import { createPrometheusMetrics } from "../../../lib/telemetry/prometheus-metrics.ts";
import { createFastClock } from "../../support/fast-clock.ts";
import { type MoveWorld, PG_DUMP, UNTOUCHED, useMoveWorld } from "../../support/move-world.ts";
import { until, untilEqual } from "../../support/until.ts";

// These sizes are small, so that a stopped target is soon too far behind.
const context = useMoveWorld({
  settings: { max_slot_wal_keep_size: "32MB", max_wal_size: "32MB", min_wal_size: "32MB" },
});
let world: MoveWorld;
beforeEach(() => {
  world = context.world;
});

async function start(): Promise<void> {
  const started = await world.move("start");
  expect([started.code, started.err, started.report.run?.step]).toEqual([0, "", "ready"]);
}

async function expectAsBefore(): Promise<void> {
  const { source } = world;
  expect(await source`select mode from slabmend.fleet`).toEqual([{ mode: "running" }]);
  expect(
    await source`select has_database_privilege('public', current_database(), 'connect') as open`,
  ).toEqual([{ open: true }]);
}

const skip = PG_DUMP === undefined;

test.skipIf(skip)(
  "an upgrade of indexd during a move raises an alarm, and switch reverts the move completely",
  async () => {
    await start();
    await world.source.unsafe(
      "alter table public.hosts add column upgraded integer; update global_settings set db_version = db_version + 1",
    );
    const status = await world.move("status");
    expect([status.code, status.report.alarms.join()]).toEqual([
      6,
      expect.stringContaining("schema has changed"),
    ]);
    const switched = await world.move("switch", "--yes");
    expect([switched.code, switched.error?.code]).toEqual([5, "schema-changed"]);
    expect(switched.error?.message).toContain("table hosts");
    expect(await world.source`select state, error ->> 'code' as code from slabmend.runs`).toEqual([
      { state: "failed", code: "schema-changed" },
    ]);
    expect(await world.footprint()).toEqual(UNTOUCHED);
  },
);

test.skipIf(skip)(
  "if indexd was upgraded during the copy, the next start reverts the move completely",
  async () => {
    await world.killAt("ready", "subscribed");
    await world.source.unsafe("alter table public.hosts add column upgraded integer");
    const started = await world.move("start");
    expect([started.code, started.error?.code]).toEqual([5, "schema-changed"]);
    expect(await world.footprint()).toEqual(UNTOUCHED);
  },
);

test.skipIf(skip)(
  "a stopped target raises an alarm and later loses its slot; the source keeps running, and abort leaves nothing behind",
  async () => {
    await start();
    await using metrics = await measureFleet();
    await until(metrics.ofSlot, ({ lost, safe, kept }) => lost === 0 && safe! > kept!);
    await world.target.unsafe("alter subscription slabmend_move disable");
    const { source } = world;
    // At each checkpoint the server invalidates slots that are too far behind, so each write ends with a checkpoint.
    const write = async () => {
      await source`select pg_logical_emit_message(false, 'test', repeat('x', 1000000)) from generate_series(1, 8)`;
      await source`checkpoint`;
      const { report } = await world.move("status");
      return report;
    };
    const early = await until(write, ({ alarms }) =>
      alarms.some((alarm) => alarm.includes("invalidates the target's slot")),
    );
    expect(early.replication?.["walStatus"]).not.toBe("lost");
    await until(metrics.ofSlot, ({ safe, kept }) => kept! > safe!);
    const lost = await until(write, ({ replication }) => replication?.["walStatus"] === "lost");
    expect(lost.alarms.join()).toContain("has invalidated the target");
    await until(metrics.ofSlot, (slot) => slot.lost === 1 && slot.safe === undefined);
    const switched = await world.move("switch", "--yes");
    expect([switched.code, switched.error?.code]).toEqual([5, "replication-broken"]);
    await expectAsBefore();
    await world.store(1);
    const aborted = await world.move("abort", "--yes");
    expect([aborted.code, aborted.report.run?.state]).toEqual([0, "cancelled"]);
    expect(await world.footprint()).toEqual(UNTOUCHED);
    // The metrics must become undefined: if they kept their last values, the alarm would never end.
    await untilEqual(metrics.ofSlot, { kept: undefined, safe: undefined, lost: undefined });
  },
);

/** What `serve` exports about the replication slot, read with the privileges of the fleet's role. */
async function measureFleet() {
  const prometheus = createPrometheusMetrics("default");
  const exporter = startFleetExporter({
    connect: () => postgres(world.urlOf("source", "fleet"), { max: 1, onnotice: () => {} }),
    clock: createFastClock(10),
    logger: createLogger("silent", { indexer: "default" }),
    prometheus,
    dueChecks: false,
  });
  return {
    async ofSlot() {
      const text = await prometheus.scrape();
      const value = (name: string): number | undefined => {
        const found = new RegExp(`^slabmend_move_slot_${name}\\{.*\\} (.*)$`, "m").exec(text)?.[1];
        return found === undefined ? undefined : Number(found);
      };
      return { kept: value("kept_bytes"), safe: value("safe_bytes"), lost: value("lost") };
    },
    [Symbol.asyncDispose]: () => exporter.stop(),
  };
}

test.skipIf(skip)(
  "if rows differ between source and target, the switch names the table and is reverted; after a correction, it succeeds",
  async () => {
    await start();
    await world.target`update public.hosts set scans = 99`;
    const switched = await world.move("switch", "--yes");
    expect([switched.code, switched.error?.code]).toEqual([5, "contents-differ"]);
    expect(switched.error?.message).toContain("public.hosts");
    await expectAsBefore();
    const status = await world.move("status");
    expect([status.code, status.report.alarms.join()]).toEqual([6, expect.stringContaining("taken back")]);
    await world.source`update public.hosts set scans = 3`;
    expect((await world.move("switch", "--yes")).report.run?.step).toBe("opened");
  },
);

test.skipIf(skip)(
  "columns whose type has no hash function are also compared: a different host location is found",
  async () => {
    await start();
    await world.target`update public.hosts set location = point(1, 2)`;
    expect((await world.move("switch", "--yes")).error?.code).toBe("contents-differ");
    await expectAsBefore();
  },
);

test.skipIf(skip)(
  "a disabled subscription raises an alarm, and switch enables the subscription",
  async () => {
    await start();
    await world.target.unsafe("alter subscription slabmend_move disable");
    await world.store(1);
    const status = await world.move("status");
    expect([status.code, status.report.alarms.join()]).toEqual([6, expect.stringContaining("switched off")]);
    expect((await world.move("switch", "--yes")).report.run?.step).toBe("opened");
  },
);

test.skipIf(skip)("the switch waits for a running repair", async () => {
  await start();
  const begun = Date.now();
  await world.source`
    insert into slabmend.leases (slab_id, digest, leased_at, held_until, sending_since, began_at, worker, expires_at, margin)
    values (1, sha256('x'), now(), now(), now(), now(), 'w', now() + interval '5 s', 1)`;
  const switched = await world.move("switch", "--yes");
  expect(switched.report.run?.step).toBe("opened");
  expect(Date.now() - begun).toBeGreaterThanOrEqual(5_000);
});

test.skipIf(skip)(
  "switch and abort are refused while another process runs the move; switch is refused for another target",
  async () => {
    await start();
    const [run] = await world.source`select from slabmend.runs`;
    expect(run).toBeDefined();
    const lease = await takeRun(world.source, {
      coordinator: "other/1",
      leaseMs: 60_000,
      kind: "move-database",
    });
    expect(lease).toBeDefined();
    for (const command of ["switch", "abort"]) {
      const refused = await world.move(command, "--yes");
      expect([command, refused.code, refused.error?.code]).toEqual([command, 5, "run-lease-lost"]);
    }
    await world.source`update slabmend.runs set coordinator = null, token = null, expires_at = null`;
    await world.source`update slabmend.runs set scope = jsonb_set(scope, '{target,oid}', '"1"')`;
    const wrong = await world.move("switch", "--yes");
    expect([wrong.code, wrong.error?.code]).toEqual([5, "wrong-database"]);
  },
);

test.skipIf(skip)(
  "if Ctrl+C interrupts a switch that has closed the source, the source is reopened and the target keeps replicating",
  async () => {
    await start();
    const holder = await world.target.reserve();
    const interrupt = new AbortController();
    try {
      await holder`begin`;
      await holder`lock table public.hosts`;
      await world.source`update public.hosts set scans = scans + 1`;
      const logged = context.servers.log.length;
      const switching = world.switchUntil(interrupt.signal);
      // A login to the source must fail, because the switch has closed the source.
      await until(() =>
        context.servers.log.slice(logged).some((line) => line.includes("permission denied for database")),
      );
      interrupt.abort();
      const { code, error } = await switching;
      expect([code, error?.code]).toEqual([5, "interrupted"]);
    } finally {
      await holder`rollback`;
      holder.release();
    }
    await expectAsBefore();
    expect((await world.move("switch", "--yes")).report.run?.step).toBe("opened");
  },
);

test.skipIf(skip)(
  "a superuser role of indexd is locked out of the source by NOLOGIN, and admitted to the target",
  async () => {
    await world.source.unsafe("alter role indexd superuser");
    await start();
    const login = async (side: "source" | "target") => {
      const sql = postgres(world.urlOf(side, "indexd"), { max: 1, onnotice: () => {} });
      const code = await sql`select 1`.then(
        () => "in",
        (error) => error.code,
      );
      await sql.end();
      return code;
    };
    expect(await login("source")).toBe("in");
    expect(await login("target")).not.toBe("in");
    await world.target`update public.hosts set scans = 99`;
    expect((await world.move("switch", "--yes")).error?.code).toBe("contents-differ");
    expect(await login("source")).toBe("in");
    await world.source`update public.hosts set scans = 3`;
    expect((await world.move("switch", "--yes")).report.run?.step).toBe("opened");
    expect([await login("source"), await login("target")]).toEqual(["28000", "in"]);
  },
);

test.skipIf(skip)("replication continues after its connections to the source are ended", async () => {
  await start();
  for (const sql of [world.source, world.target]) {
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type <> 'client backend'
      and backend_type in ('walsender', 'logical replication apply worker')`;
  }
  await world.store(3);
  await until(
    async () => (await world.target`select count(*)::integer as n from public.slabs`)[0]?.["n"] === 8,
  );
  await until(async () => (await world.move("status")).code === 0);
});

test.skipIf(skip)("a statement timeout of the source does not interrupt the copy of a table", async () => {
  const { source, target } = world;
  // The copy takes longer than the timeout, because the target needs 7 s for the first row. Meanwhile the source's
  // socket takes only a part of the other rows.
  await source.unsafe(`
    create function public.is_taken(id bigint) returns boolean language plpgsql as $$ begin
      if id = 1 and current_setting('session_replication_role') = 'replica' then perform pg_sleep(7); end if;
      return true;
    end $$;
    create table public.notes (id bigint primary key check (public.is_taken(id)), body text);
    insert into public.notes select id, repeat('x', 1000) from generate_series(1, 40000) id;
    alter database indexd set statement_timeout to '5s'`);
  await start();
  const [copies] = await target`select sync_error_count::integer as errors from pg_stat_subscription_stats`;
  expect(copies).toEqual({ errors: 0 });
  expect((await world.move("switch", "--yes")).report.run?.step).toBe("opened");
});

test.skipIf(skip)(
  "if the target lacks a role that got access after the start, switch names it and stops nothing",
  async () => {
    await start();
    await world.source`create role reports login`;
    await world.source`grant connect on database indexd to reports`;
    const switched = await world.move("switch", "--yes");
    expect([switched.code, switched.error?.code]).toEqual([5, "roles-missing"]);
    expect(switched.error?.message).toContain("reports");
    const [fleet] = await world.source`select mode from slabmend.fleet`;
    expect(fleet).toEqual({ mode: "running" });
    await world.target`create role reports`;
    expect((await world.move("switch", "--yes")).report.run?.step).toBe("opened");
    const [right] =
      await world.target`select has_database_privilege('reports', current_database(), 'connect') as may`;
    expect(right).toEqual({ may: true });
  },
);
