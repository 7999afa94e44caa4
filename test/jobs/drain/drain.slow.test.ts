/** Drains hosts on loopback with a real database. Walk, leases, repairs and the coordinator run one after the other. */
import { beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../lib/clock/clock.ts";
import type { Ask } from "../../../lib/database/client/deadline-client.ts";
import { DEFAULT_BREAKER_LIMITS } from "../../../lib/database/fleet/circuit-breaker.ts";
import { refreshBreaker } from "../../../lib/database/fleet/refresh-breaker.ts";
import { requestOfRun, startRun, takeRun } from "../../../lib/database/runs/maintenance-runs.ts";
import type { Run } from "../../../lib/database/runs/run.ts";
import { createDrainJob, type DrainStep } from "../../../lib/jobs/drain/drain-job.ts";
import { advanceRun } from "../../../lib/jobs/maintenance/advance-run.ts";
import { readMaintenanceReport } from "../../../lib/reports/maintenance.ts";
import { createLogger } from "../../../lib/telemetry/logger.ts";
import { coordinateWithoutHosts } from "../../../lib/worker/coordinate-without-hosts.ts";
import { type RepairOptions, repairSuite } from "../../support/repair-suite.ts";
import type { StoredSlab, WorldHost } from "../../support/repair-world.ts";
import { blockHost } from "../../support/seed-indexd.ts";
import { lease, walk } from "../backlog/backlog-fixture.ts";

const suite = repairSuite({ hosts: 28 });
const sql = () => suite.world.database.sql;
const ask: Ask = (statements) => statements(sql());
const logger = createLogger("fatal", { indexer: "default" });

/**
 * By default the moved sectors go to these hosts. The first two hosts of the world cannot take moved sectors, because
 * these two have a sector of every slab.
 */
const targets = () => suite.world.hosts.slice(2, 5);
/** Each test drains hosts of its own. */
let used = 5;
const nextHost = (): WorldHost => suite.world.hosts[used++]!;
let host: WorldHost;
let slabs: StoredSlab[];
beforeEach(async () => {
  await sql()`truncate slabmend.runs, slabmend.backlog, slabmend.marks, slabmend.walks`;
  await sql()`update slabmend.fleet set claimed_at = clock_timestamp()`;
  await suite.onlyCandidates(targets());
  host = nextHost();
  const on = [host, ...suite.world.hosts.slice(0, 2)];
  slabs = [];
  for (let n = 0; n < 3; n += 1)
    slabs.push(await suite.world.storeSlab({ minShards: 2, totalShards: 3, on }));
});

const start = (hosts: readonly WorldHost[] = [host], sectors = 3) =>
  startRun(sql(), {
    kind: "drain",
    scope: { hosts: hosts.map(({ row }) => row.hostKey), sectors },
    owner: "test",
  });

/** Leases slabs as claim does, and repairs them. @returns the outcomes */
async function claimAndRepair(options: RepairOptions = {}): Promise<string[]> {
  await walk(sql());
  const { leases } = await lease(sql());
  const outcomes = [];
  for (const task of leases) outcomes.push((await suite.repairTask(task, options)).kind);
  return outcomes;
}

interface AdvanceOptions {
  readonly step?: (name: DrainStep) => void | Promise<void>;
  readonly coordinator?: string;
}

/** One round of a coordinator. */
const advance = ({ step, coordinator = "a" }: AdvanceOptions = {}): Promise<Run | undefined> =>
  advanceRun(
    {
      ask,
      clock: systemClock,
      logger,
      jobs: [createDrainJob(step === undefined ? {} : { step })],
      coordinator,
      signal: new AbortController().signal,
    },
    1_000,
  );
const saysOf = async (run: Run): Promise<string> =>
  (await readMaintenanceReport(ask, { id: run.id })).run!.says.join("\n");
const left = async (): Promise<number> =>
  (await sql()`select from sectors where host_id = ${host.row.id}`).length;
const leaseEnds = () => sql()`
  update slabmend.runs set coordinator = 'dead', token = gen_random_uuid(), expires_at = now() - interval '1 minute'
  where finished_at is null`;
const failedCounters = async () =>
  (
    await sql()`select consecutive_failed_repairs as n from slabs where id in ${sql()(slabs.map(({ id }) => String(id)))}`
  ).map(({ n }) => n as number);
const jobs = async () =>
  (
    await sql()`
    select distinct kind, outcome from slabmend.journal where slab_id in ${sql()(slabs.map(({ id }) => String(id)))}
    order by kind, outcome`
  ).map(({ kind, outcome }) => [kind, outcome]);

test("a drain copies every sector, rebuilds none, and ends with the advice to block the host", async () => {
  await start();
  const before = await suite.traffic();
  expect(await advance()).toMatchObject({ state: "running", statistics: { left: 3, copied: 0 } });
  expect(await claimAndRepair()).toEqual(["repaired", "repaired", "repaired"]);
  const after = await suite.traffic();
  expect(after.bytesRead - before.bytesRead).toBe(3 * 4_194_304);
  const run = (await advance())!;
  expect(run).toMatchObject({
    state: "done",
    statistics: { left: 0, newer: 0, copied: 3, rebuilt: 0, lost: 0, hosts: [{ state: "good" }] },
  });
  expect(await saysOf(run)).toContain("Block the host in indexd now");
  for (const slab of slabs) expect(await suite.world.wrongSectors(slab)).toEqual([]);
  expect(await left()).toBe(0);
  expect(await jobs()).toEqual([["drain", "repaired"]]);
  // The next pass finds nothing.
  await walk(sql());
  expect(await sql()`select from slabmend.backlog`).toHaveLength(0);
});

test("sectors that came to the host after a drain's start are reported, and do not delay the drain's end", async () => {
  const run = await start();
  await claimAndRepair();
  const on = [host, ...suite.world.hosts.slice(0, 2)];
  const newer = await suite.world.storeSlab({ minShards: 2, totalShards: 3, on });
  await sql()`update sectors set uploaded_at = clock_timestamp() where id = ${String(newer.sectors[0]!.id)}`;
  expect(await advance()).toMatchObject({ state: "done", statistics: { left: 0, newer: 1, copied: 3 } });
  expect(await saysOf(run)).toContain("1 were recorded there since the start");
});

test("a drain of two hosts moves no sector from one of these hosts to the other", async () => {
  const other = nextHost();
  await start([host, other]);
  await suite.onlyCandidates([other, targets()[0]!]);
  expect(await claimAndRepair()).toEqual(["repaired", "repaired", "repaired"]);
  expect(await sql()`select from sectors where host_id = ${other.row.id}`).toHaveLength(0);
});

test("a drain of a host without sectors ends at the first check", async () => {
  await start([nextHost()], 0);
  expect(await advance()).toMatchObject({ state: "done", statistics: { left: 0 } });
});

describe("a paused drain", () => {
  test("gets no leases until it is resumed, even if slabs are ready", async () => {
    await start();
    await walk(sql());
    await requestOfRun(sql(), "pause");
    expect((await lease(sql())).leases).toEqual([]);
    expect(await claimAndRepair()).toEqual([]);
    expect(await sql()`select from slabmend.backlog`).toHaveLength(0);
    expect(await advance()).toBeUndefined();
    await requestOfRun(sql(), "resume");
    expect(await claimAndRepair()).toEqual(["repaired", "repaired", "repaired"]);
    expect(await advance()).toMatchObject({ state: "done", statistics: { copied: 3 } });
  });

  test("lets running repairs be recorded", async () => {
    await start();
    const result = await suite.repair(slabs[0]!, {
      at: async (step) => {
        if (step === "stored") await requestOfRun(sql(), "pause");
      },
    });
    expect(result).toMatchObject({ kind: "repaired", copied: 1, dropped: 0 });
    expect(await left()).toBe(2);
  });

  test("does not make the host a candidate", async () => {
    const on = [nextHost(), ...suite.world.hosts.slice(0, 2)];
    const elsewhere = await suite.world.storeSlab({ minShards: 2, totalShards: 3, on });
    await suite.world.loseSector(elsewhere, 0);
    await suite.onlyCandidates([host]);
    await start();
    await requestOfRun(sql(), "pause");
    expect(await suite.repair(elsewhere)).toMatchObject({ kind: "no-candidates" });
  });
});

test("when a drain is cancelled, its running move is dropped without a failure, and nothing more is leased", async () => {
  await start();
  await walk(sql());
  const result = await suite.repair(slabs[0]!, {
    at: async (step) => {
      if (step === "stored") await requestOfRun(sql(), "cancel");
    },
  });
  expect(result).toMatchObject({ copied: 0, dropped: 1 });
  expect((await suite.journal(slabs[0]!)).at(-1)).toMatchObject({
    dropped: [{ index: 0, why: "healthy-again" }],
    moves: [],
  });
  expect(await left()).toBe(3);
  expect(await failedCounters()).toEqual([0, 0, 0]);
  expect((await lease(sql())).leases).toEqual([]);
  const options = {
    clock: systemClock,
    logger,
    signal: new AbortController().signal,
    acceptedVersion: undefined,
  };
  expect(await coordinateWithoutHosts(ask, options, 1_000)).toMatchObject({ state: "cancelled" });
});

test("if an offline draining host is blocked, its remaining sectors are rebuilt; the run says why", async () => {
  const run = await start();
  expect(await suite.repair(slabs[0]!)).toMatchObject({ kind: "repaired", copied: 1 });
  await host.swarm.setSwitches({ availability: "offline" });
  await blockHost(sql(), host.row.hostKey);
  expect(await advance()).toMatchObject({
    state: "running",
    statistics: { left: 2, copied: 1, hosts: [{ state: "blocked" }] },
  });
  expect(await saysOf(run)).toContain("is blocked: the remaining sectors are repaired as on any bad host");
  expect(await claimAndRepair()).toEqual(["repaired", "repaired"]);
  expect(await advance()).toMatchObject({ state: "done", statistics: { left: 0, copied: 1, rebuilt: 2 } });
  expect(await jobs()).toEqual([
    ["drain", "repaired"],
    ["repair", "repaired"],
  ]);
});

test("a sector that the draining host loses is denied and rebuilt", async () => {
  await start();
  await host.swarm.setSwitches({ losesSectors: [slabs[0]!.sectors[0]!.root] });
  expect((await claimAndRepair()).sort()).toEqual(["repaired", "repaired", "repaired"]);
  expect(await advance()).toMatchObject({
    state: "done",
    statistics: { left: 0, copied: 2, rebuilt: 1, lost: 0 },
  });
  expect(await failedCounters()).toEqual([0, 0, 0]);
});

test("a drain without a candidate waits and reports why; no slab counts as failed, and the breaker stays closed", async () => {
  const run = await start();
  await suite.onlyCandidates([]);
  expect(await claimAndRepair()).toEqual(["no-candidates", "no-candidates", "no-candidates"]);
  expect(await failedCounters()).toEqual([0, 0, 0]);
  expect(await jobs()).toEqual([["drain", "no-candidates"]]);
  const { waitsMs } = await suite.history(slabs[0]!);
  expect(waitsMs).toBeLessThanOrEqual(120_000);
  expect(await advance()).toMatchObject({
    state: "running",
    statistics: { left: 3, outcomes: { "no-candidates": 3 } },
  });
  expect(await saysOf(run)).toContain("3 slabs wait: no host can take one of their sectors now");
  const limits = { ...DEFAULT_BREAKER_LIMITS, leastBadSlabs: 1 };
  expect((await refreshBreaker(sql(), limits)).breaker.kind).toBe("closed");
  suite.allowLeases();
  // The slab is now within one sector of loss, and the drain's wait does not delay its repair.
  await suite.world.loseSector(slabs[0]!, 1);
  await walk(sql());
  expect((await lease(sql())).leases.map(({ slabId }) => slabId)).toEqual([slabs[0]!.id]);
});

test("a drain waits if our account at the host is empty: rebuilding costs ten times as much as copying", async () => {
  await start();
  await host.swarm.setSwitches({ outOfFunds: true });
  const before = await suite.traffic();
  expect(await claimAndRepair()).toEqual(["underfunded", "underfunded", "underfunded"]);
  const after = await suite.traffic();
  expect(after.bytesRead - before.bytesRead).toBe(0);
  expect(await failedCounters()).toEqual([0, 0, 0]);
});

describe("coordinators", () => {
  test.each<DrainStep>(["departed-read", "counted-page"])(
    "after a kill at %s another coordinator counts the same",
    async (last) => {
      await start();
      await claimAndRepair();
      const killed = advance({
        step: (name) => {
          if (name === last) throw new Error("killed");
        },
      });
      await expect(killed).rejects.toThrow("killed");
      await leaseEnds();
      expect(await advance({ coordinator: "b" })).toMatchObject({
        state: "done",
        statistics: { left: 0, copied: 3, rebuilt: 0 },
      });
    },
  );

  test("only one of two coordinators executes the drain, and a coordinator that lost its lease writes nothing", async () => {
    await start();
    let meanwhile: Run | undefined | "not asked" = "not asked";
    const lost = await advance({
      step: async (name) => {
        if (name !== "counted-page") return;
        meanwhile = await advance({ coordinator: "b" });
        await leaseEnds();
        await takeRun(sql(), { coordinator: "c", leaseMs: 60_000 });
      },
    });
    expect(meanwhile).toBeUndefined();
    expect(lost).toBeUndefined();
    expect(await sql()`select coordinator, statistics from slabmend.runs`).toEqual([
      { coordinator: "c", statistics: {} },
    ]);
  });

  test("a process without the migration seed can coordinate a drain, as reap does on AWS", async () => {
    await start();
    await claimAndRepair();
    const options = {
      clock: systemClock,
      logger,
      signal: new AbortController().signal,
      acceptedVersion: undefined,
    };
    expect(await coordinateWithoutHosts(ask, options, 1_000)).toMatchObject({ state: "done" });
  });
});
