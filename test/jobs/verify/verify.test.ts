/** Verifications against hosts on loopback and a real database. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../lib/clock/clock.ts";
import { parseEnvironment } from "../../../lib/config/parse-environment.ts";
import type { Ask } from "../../../lib/database/client/deadline-client.ts";
import {
  readUnfinishedRun,
  requestOfRun,
  startRun,
  takeRun,
} from "../../../lib/database/runs/maintenance-runs.ts";
import type { Run } from "../../../lib/database/runs/run.ts";
import { findObject } from "../../../lib/database/verify/read-scope.ts";
import { claimChecks } from "../../../lib/database/verify/record-checks.ts";
import type { VerifyStep } from "../../../lib/jobs/verify/verify-job.ts";
import { verifyKind } from "../../../lib/jobs/verify/verify-kind.ts";
import type { VerifyScope } from "../../../lib/jobs/verify/verify-run.ts";
import { readMaintenanceReport } from "../../../lib/reports/maintenance.ts";
import type { HostId, SectorId } from "../../../lib/slab/ids.ts";
import { createLogger } from "../../../lib/telemetry/logger.ts";
import { coordinateWithoutHosts } from "../../../lib/worker/coordinate-without-hosts.ts";
import { MAINTENANCE_VARIABLES, openMaintenance } from "../../../lib/worker/open-maintenance.ts";
import {
  createRepairWorld,
  type RepairWorld,
  type StoredSlab,
  type WorldHost,
} from "../../support/repair-world.ts";
import { seedAccount, seedHost, seedObject } from "../../support/seed-indexd.ts";

let world: RepairWorld;
let slab: StoredSlab;
/** Slabs whose only sector is on `host`. */
let others: StoredSlab[];
let host: WorldHost;

beforeAll(async () => {
  world = await createRepairWorld({ hosts: 4 });
  slab = await world.storeSlab({ minShards: 2, totalShards: 4 });
  host = slab.hosts[0]!;
  others = [];
  for (let n = 0; n < 5; n += 1)
    others.push(await world.storeSlab({ minShards: 1, totalShards: 1, on: [host] }));
});
afterAll(() => world?.stop());
beforeEach(async () => {
  const { sql } = world.database;
  await world.heal();
  await sql`truncate slabmend.runs, slabmend.denials`;
  await sql`delete from stats_deltas`;
  await sql`update sectors set next_integrity_check = ${DUE}, consecutive_failed_checks = 2`;
});

const DUE = "2027-01-01T00:00:00.123456Z";
const logger = createLogger("fatal", { indexer: "default" });
const ask: Ask = (statements) => statements(world.database.sql);

async function advance(
  options: { readonly step?: (name: VerifyStep) => void | Promise<void>; readonly limitMs?: number } = {},
): Promise<Run | undefined> {
  const { limitMs = 60_000, step } = options;
  const coordinator = openMaintenance({
    environment: parseEnvironment(MAINTENANCE_VARIABLES, world.variables),
    clock: systemClock,
    logger,
    signal: new AbortController().signal,
    ...(step === undefined ? {} : { step }),
  });
  return await coordinator.advance(ask, limitMs).finally(() => coordinator.close());
}

const start = (scope: VerifyScope) => startRun(world.database.sql, { kind: "verify", scope, owner: "test" });
const ofSlab = (): VerifyScope => ({ of: "slab", slab: String(slab.id), sectors: 4 });
const ofHost = (sample: Extract<VerifyScope, { of: "host" }>["sample"] = null): VerifyScope => ({
  of: "host",
  host: host.row.hostKey,
  sectors: 6,
  sample,
});
const sectorsOf = (where: "host" | "slab") => world.database.sql<
  { root: string; failed: number; due: boolean; days: number }[]
>`
  select encode(s.sector_root, 'hex') as root, s.consecutive_failed_checks as failed, s.next_integrity_check = ${DUE} as due,
    round(extract(epoch from s.next_integrity_check - now()) / 86400 * 2) / 2 as days
  from sectors s
  where ${
    where === "host"
      ? world.database.sql`s.host_id = ${host.row.id}`
      : world.database.sql`s.id in (select sector_id from slab_sectors where slab_id = ${String(slab.id)})`
  } order by s.sector_root`;
const sectorsOfSlab = async () => {
  const rows = await world.database.sql<{ id: string; root: string }[]>`
    select s.id::text, encode(s.sector_root, 'hex') as root from slab_sectors ss join sectors s on s.id = ss.sector_id
    where ss.slab_id = ${String(slab.id)} order by s.sector_root`;
  return { ids: rows.map(({ id }) => BigInt(id) as SectorId), roots: rows.map(({ root }) => root) };
};
const verify = { acceptedVersion: undefined, clock: systemClock };
const checked = async () =>
  (await world.database.sql`select stat_name as name, stat_delta::integer as delta from stats_deltas`).map(
    ({ name, delta }) => [name, delta],
  );
/** Simulates that the coordinator died without giving its lease back, and that the lease has expired. */
const leaseEnds = () => world.database.sql`
  update slabmend.runs set coordinator = 'dead', token = gen_random_uuid(), expires_at = now() - interval '1 minute'`;

async function claimAndCrash(
  run: Run,
  sectorIds: readonly SectorId[],
  onlyHost: HostId | null = null,
): Promise<void> {
  const { sql } = world.database;
  const token = (await takeRun(sql, { coordinator: "test", leaseMs: 60_000 }))!.token;
  await claimChecks(sql, { run: run.id, token, sectorIds, onlyHost }, verify);
  await leaseEnds();
}
const dueRoots = async () => (await sectorsOf("slab")).filter((sector) => sector.due).map(({ root }) => root);

test("after a verification each proved sector is due in 14 days, and indexd's statistics count it as checked", async () => {
  await start(ofSlab());
  expect(await advance()).toMatchObject({
    state: "done",
    statistics: { passed: 4, confirmed: 4, denied: 0 },
  });
  for (const { failed, days } of await sectorsOf("slab"))
    expect({ failed, days: Number(days) }).toEqual({ failed: 0, days: 14 });
  expect(await checked()).toEqual([["num_sectors_checked", 4]]);
  // Hosts charge a read of 64 bytes as 4 KiB, so the checks have a cost.
  const [first] = await world.database.sql`select statistics->>'hastings' as hastings from slabmend.runs`;
  expect(BigInt(first!["hastings"])).toBeGreaterThan(0n);
});

test("a sector denied in a verification is due again in 12 hours, and is reported with its slab and object", async () => {
  const denied = others[1]!;
  await host.swarm.setSwitches({ losesSectors: [slab.sectors[0]!.root, denied.sectors[0]!.root] });
  await start(ofHost());
  const run = await advance();
  expect(run).toMatchObject({ state: "done", statistics: { passed: 6, confirmed: 4, denied: 2 } });
  const denials = await world.database.sql`
    select encode(root, 'hex') as root, state, code, denials, whole_denied_at from slabmend.denials`;
  expect(denials.map(({ root }) => root).sort()).toEqual(
    [slab.sectors[0]!.root, denied.sectors[0]!.root].sort(),
  );
  expect(denials[0]).toMatchObject({ state: "open", code: "not-found", denials: 1, whole_denied_at: null });
  for (const { root, failed, days } of await sectorsOf("host")) {
    const isDenied = denials.some((denial) => denial["root"] === root);
    expect({ failed, days: Number(days) }).toEqual(
      isDenied ? { failed: 2, days: 0.5 } : { failed: 0, days: 14 },
    );
  }
  expect(await checked()).toEqual([["num_sectors_checked", 4]]);
  expect((await readMaintenanceReport(ask, { id: run!.id })).affected).toEqual({
    sectors: 2,
    slabs: [slab.id, denied.id].map(String).sort((a, b) => Number(a) - Number(b)),
    objects: [slab.objectKey, denied.objectKey].map((key) => key.toString("hex")).sort(),
  });
});

test("data with a wrong proof neither confirms nor denies a sector, and its check stays due", async () => {
  await host.swarm.setSwitches({ sendsWrongProofs: true });
  await start(ofHost());
  expect(await advance()).toMatchObject({ statistics: { passed: 6, confirmed: 0, denied: 0, wrongData: 6 } });
  for (const { failed, due } of await sectorsOf("host"))
    expect({ failed, due }).toEqual({ failed: 2, due: true });
  expect(await checked()).toEqual([]);
});

test("a sector that indexd checked after our claim keeps indexd's values", async () => {
  const { sql } = world.database;
  await start(ofHost());
  const run = await advance({
    step: async (name) => {
      if (name !== "asked") return;
      await sql`update sectors set next_integrity_check = now() + interval '3 days', consecutive_failed_checks = 1
        where sector_root = ${Buffer.from(slab.sectors[0]!.root, "hex")}`;
    },
  });
  expect(run).toMatchObject({ state: "done", statistics: { passed: 6, confirmed: 5, superseded: 1 } });
  const kept = (await sectorsOf("host")).find(({ root }) => root === slab.sectors[0]!.root)!;
  expect({ failed: kept.failed, days: Number(kept.days) }).toEqual({ failed: 1, days: 3 });
});

test.each<VerifyStep>(["claimed", "asked", "recorded"])(
  "after a kill when a batch was %s, another process continues and counts no sector twice",
  async (last) => {
    await start(ofHost());
    const killed = advance({
      step: (name) => {
        if (name === last) throw new Error("killed");
      },
    });
    await expect(killed).rejects.toThrow("killed");
    await leaseEnds();
    expect(await advance()).toMatchObject({
      state: "done",
      statistics: { passed: 6, confirmed: 6, superseded: 0 },
    });
    expect(await checked()).toEqual([["num_sectors_checked", 6]]);
  },
);

test("a cancel after a crash restores the due times of claimed sectors, and needs neither hosts nor a seed", async () => {
  await start(ofHost());
  const crash = (name: VerifyStep) => {
    if (name === "claimed") throw new Error("killed");
  };
  // The sectors are claimed twice: the time that the first claim set must not count as the original due time.
  await expect(advance({ step: crash })).rejects.toThrow("killed");
  await leaseEnds();
  await expect(advance({ step: crash })).rejects.toThrow("killed");
  await leaseEnds();
  await requestOfRun(world.database.sql, "cancel");
  const options = {
    clock: systemClock,
    logger,
    signal: new AbortController().signal,
    acceptedVersion: undefined,
  };
  expect(await coordinateWithoutHosts(ask, options, 5_000)).toMatchObject({ state: "cancelled" });
  for (const { due } of await sectorsOf("host")) expect(due).toBe(true);
});

test("a crashed coordinator's sectors become due again, except those in the next coordinator's batch", async () => {
  const { sql } = world.database;
  const run = await start(ofSlab());
  const { ids, roots } = await sectorsOfSlab();
  await claimAndCrash(run, ids.slice(0, 3));
  await claimAndCrash(run, ids.slice(2));
  expect(await dueRoots()).toEqual(roots.slice(0, 2));
  // The rest of the slab is deleted, so that no batch is left.
  const left = await sql`delete from slab_sectors where slab_id = ${String(slab.id)} returning *`;
  try {
    expect(await advance()).toMatchObject({ state: "done", statistics: { passed: 0 } });
  } finally {
    for (const row of left) await sql`insert into slab_sectors ${sql(row)}`;
  }
  expect(await dueRoots()).toEqual(roots);
});

test("a crashed coordinator's sectors become due again if they are in the next batch, but have left the batch's host", async () => {
  const run = await start(ofSlab());
  const { ids, roots } = await sectorsOfSlab();
  await claimAndCrash(run, ids);
  expect(await dueRoots()).toEqual([]);
  await claimAndCrash(run, ids, 0 as HostId);
  expect(await dueRoots()).toEqual(roots);
});

test("a pause lets the current batch finish, and a resume continues after this batch", async () => {
  await start(ofHost());
  const paused = await advance({
    step: async (name) => {
      if (name === "claimed") await requestOfRun(world.database.sql, "pause");
    },
  });
  expect(paused).toMatchObject({ state: "paused", statistics: { passed: 6 } });
  expect(await advance()).toBeUndefined();
  await requestOfRun(world.database.sql, "resume");
  expect(await advance()).toMatchObject({ state: "done", statistics: { passed: 6, confirmed: 6 } });
});

test("a process without a seed takes over only cancelled verifications", async () => {
  await start(ofHost());
  const options = {
    clock: systemClock,
    logger,
    signal: new AbortController().signal,
    acceptedVersion: undefined,
  };
  expect(await coordinateWithoutHosts(ask, options, 5_000)).toBeUndefined();
  expect(await readUnfinishedRun(world.database.sql)).toMatchObject({ state: "running", coordinator: null });
});

test("an object is verified slab by slab, even after a crash, and its affected slabs are reported", async () => {
  const { sql } = world.database;
  const { objectKey } = await seedObject(sql, {
    accountId: await seedAccount(sql),
    slabs: [slab, others[0]!, others[1]!],
  });
  const object = objectKey.toString("hex");
  const { ids, sectors } = await findObject(sql, object);
  expect(sectors).toBe(6);
  // others[2] belongs to another object, so it is not checked.
  await host.swarm.setSwitches({ losesSectors: [others[1]!.sectors[0]!.root, others[2]!.sectors[0]!.root] });
  await start({ of: "object", object, ids: [...ids], sectors });
  let steps = 0;
  const killed = advance({
    step: (name) => {
      if (name === "asked" && ++steps === 2) throw new Error("killed");
    },
  });
  await expect(killed).rejects.toThrow("killed");
  await leaseEnds();
  const run = await advance();
  expect(run).toMatchObject({
    state: "done",
    statistics: { passed: 6, confirmed: 5, denied: 1, superseded: 0 },
  });
  const report = await readMaintenanceReport(ask, { id: run!.id });
  expect(report.run).toMatchObject({ object, slabId: null, host: null });
  expect(report.affected).toMatchObject({ sectors: 1, slabs: [String(others[1]!.id)] });
});

test("a sample makes all its draws, even after a crash, and reports its confidence", async () => {
  const draws = 150;
  await start(ofHost({ missingShare: 0.03, confidence: 0.98, draws, seed: "5a".repeat(32) }));
  let batches = 0;
  const killed = advance({
    step: (name) => {
      if (name === "asked") batches += 1;
      if (batches === 2) throw new Error("killed");
    },
  });
  await expect(killed).rejects.toThrow("killed");
  await leaseEnds();
  const run = await advance();
  expect(run).toMatchObject({ state: "done", statistics: { passed: draws } });
  const { run: report } = await readMaintenanceReport(ask, { id: run!.id });
  expect(report?.says.join("\n")).toContain(
    "at most 3 % of the host's 6 sectors are missing, with 98 % confidence",
  );
  // In both cases a draw has no known answer: its sector was denied and then moved, or was gone before the request.
  for (const unproven of ["superseded", "notThere"]) {
    const statistics = { ...(run!.statistics as object), [unproven]: 1 };
    expect(verifyKind.describe({ ...run!, statistics }).join("\n")).toContain("so nothing is claimed");
  }
});

test("a verification waits for a silent host without recording anything about the host's sectors", async () => {
  await host.swarm.setSwitches({ availability: "offline" });
  await start(ofHost());
  expect(await advance({ limitMs: 1_000 })).toMatchObject({
    state: "running",
    checkpoint: { silent: 1 },
    statistics: { passed: 0 },
  });
  for (const { due } of await sectorsOf("host")) expect(due).toBe(true);
  await host.swarm.setSwitches({ availability: "online" });
  expect(await advance()).toMatchObject({ state: "done", statistics: { confirmed: 6 } });
});

test("after kills between batches of a large host each checked sector is counted once", async () => {
  const { sql } = world.database;
  // These sectors are not stored anywhere, so the host denies them.
  const count = 230;
  await sql`insert into sectors (sector_root, host_id, next_integrity_check)
    select sha256(n::text::bytea), ${host.row.id}, ${DUE} from generate_series(1, ${count}) n`;
  try {
    await start({ ...ofHost(), sectors: count + 6 } as VerifyScope);
    for (const dies of ["claimed", "recorded"]) {
      let batches = 0;
      const killed = advance({
        step: (name) => {
          if (name === dies) batches += 1;
          if (batches === 2) throw new Error("killed");
        },
      });
      await expect(killed).rejects.toThrow("killed");
      await leaseEnds();
    }
    const passed = { passed: count + 6, confirmed: 6, denied: count, superseded: 0, notThere: 0 };
    expect(await advance()).toMatchObject({ state: "done", statistics: passed });
    expect(await sql`select denials from slabmend.denials where denials > 1`).toHaveLength(0);
  } finally {
    await sql`delete from sectors s where not exists (select from slab_sectors ss where ss.sector_id = s.id)`;
  }
});

test("simultaneous denials of many hosts are not believed, and the verification fails", async () => {
  const { sql } = world.database;
  for (let n = 0; n < 5; n += 1) {
    const { id, hostKey } = await seedHost(sql);
    await sql`insert into slabmend.host_scores (host_key, successes, faded_at)
      values (${Buffer.from(hostKey, "hex")}, 5, clock_timestamp())`;
    await sql`insert into slabmend.denials (sector_id, host_id, root, uploaded_at, code, denials, first_denied_at, counted_at,
        last_denied_at, state)
      values (${1_000_000 + n}, ${id}, ${Buffer.alloc(32)}, now(), 'not-found', 1, now(), now(), now(), 'open')`;
  }
  await host.swarm.setSwitches({ losesSectors: [slab.sectors[0]!.root] });
  await start(ofHost());
  const run = await advance();
  expect(run).toMatchObject({
    state: "failed",
    error: { code: "denied-by-many-hosts" },
    statistics: { denied: 0 },
  });
  expect(await sql`select from slabmend.denials where host_id = ${host.row.id}`).toHaveLength(0);
  const kept = (await sectorsOf("host")).find(({ root }) => root === slab.sectors[0]!.root);
  expect(kept).toMatchObject({ failed: 2, due: true });
});

test("a coordinator that loses its lease during a batch records nothing of this batch", async () => {
  await start(ofHost());
  const lost = advance({
    step: async (name) => {
      if (name === "asked") await leaseEnds();
    },
  });
  expect(await lost).toBeUndefined();
  expect(await checked()).toEqual([]);
  expect(await advance()).toMatchObject({ state: "done", statistics: { passed: 6, confirmed: 6 } });
  expect(await checked()).toEqual([["num_sectors_checked", 6]]);
});
