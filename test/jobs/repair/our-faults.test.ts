/** A fault of this worker never counts against a slab, and every failed repair reports the hosts' answers. */
import { expect, test } from "vitest";
import { systemClock } from "../../../lib/clock/clock.ts";
import { createLogger } from "../../../lib/telemetry/logger.ts";
import { openRepairEnvironment } from "../../../lib/worker/open-repair-environment.ts";
import { repairSuite } from "../../support/repair-suite.ts";
import type { StoredSlab } from "../../support/repair-world.ts";

const suite = repairSuite({ hosts: 12 });

/** Repairs the slab on a machine whose clock is wrong by `offByMs`. */
async function repairWithClock(slab: StoredSlab, offByMs: number) {
  const lines: string[] = [];
  const environment = openRepairEnvironment({
    variables: suite.world.variables,
    clock: { ...systemClock, now: () => systemClock.now() + offByMs },
    logger: createLogger("info", {
      indexer: "default",
      destination: { write: (line) => void lines.push(line) },
    }),
  });
  try {
    const task = await suite.world.lease(slab);
    const result = await environment.repair(task, { id: `skewed/${task.token}`, remainingMs: 60_000 });
    return { result, lines };
  } finally {
    await environment.close();
  }
}

test.each([-120, -6, -3, 3, 31])(
  "a clock error of %i minutes is a fault, and nothing is read or paid",
  async (minutes) => {
    const slab = await suite.world.storeSlab({ minShards: 2, totalShards: 5 });
    await suite.world.loseSector(slab, 0);
    const { result, lines } = await repairWithClock(slab, minutes * 60_000);
    expect(result).toMatchObject({ kind: "fault", error: "clock-off", ourFault: "clock-off" });
    expect(await suite.journal(slab)).toMatchObject([{ outcome: "fault", error: "clock-off" }]);
    expect(lines.join("\n")).toContain("clock: expected the database's time within 120 s");
    expect((await suite.traffic()).transfers).toBe(0);
    expect(await suite.history(slab)).toMatchObject({ failed: 0 });
  },
);

test("a clock error of one minute is accepted", async () => {
  const slab = await suite.world.storeSlab({ minShards: 2, totalShards: 5 });
  await suite.world.loseSector(slab, 0);
  expect((await repairWithClock(slab, -60_000)).result).toMatchObject({ kind: "repaired" });
});

test.each([
  ["shuttingDown", "host-shutting-down"],
  ["failsInternally", "host-internal"],
] as const)(
  "if all hosts refuse for one reason (%s), the repair ends as a fault with that reason",
  async (name, code) => {
    const slab = await suite.world.storeSlab({ minShards: 2, totalShards: 5 });
    await suite.world.loseSector(slab, 0);
    for (const { swarm } of suite.world.hosts) await swarm.setSwitches({ [name]: true });
    expect(await suite.repair(slab)).toMatchObject({ kind: "fault", ourFault: code, lost: 0 });
    const [entry] = await suite.journal(slab);
    expect(entry!.error).toMatch(new RegExp(`^${code}: \\d ${code}$`));
    expect(await suite.history(slab)).toMatchObject({ failed: 0 });
  },
);

test("if a worker reaches only two of twelve hosts, the worker itself is at fault", async () => {
  const slab = await suite.world.storeSlab({ minShards: 3, totalShards: 6 });
  await suite.world.loseSector(slab, 0);
  const reached = [slab.hosts[1]!, suite.spare(slab)[0]!];
  for (const host of suite.world.hosts) {
    if (!reached.includes(host)) await host.swarm.setSwitches({ availability: "offline" });
  }
  expect(await suite.repair(slab)).toMatchObject({ kind: "fault", ourFault: "few-hosts-answered", lost: 0 });
  expect(await suite.history(slab)).toMatchObject({ failed: 0, objects: 0 });
});

test("if a repair has too few sources, its journal row counts the hosts' errors by kind", async () => {
  const slab = await suite.world.storeSlab({ minShards: 3, totalShards: 6 });
  for (const index of [0, 1]) await suite.world.loseSector(slab, index);
  await slab.hosts[2]!.swarm.setSwitches({ availability: "offline" });
  await slab.hosts[3]!.swarm.setSwitches({ shuttingDown: true });
  const result = await suite.repair(slab);
  expect(result).toMatchObject({ kind: "too-few-sources", ourFault: undefined });
  const error = "1 host-shutting-down, 1 unreachable";
  expect(result).toMatchObject({ error });
  expect(await suite.journal(slab)).toMatchObject([{ outcome: "too-few-sources", error }]);
});

/** Repairs that do not succeed. Columns: outcome, behaviour of the hosts, expected error. */
test.each([
  ["fault", { sources: { losesSectors: "all" } }, "denied-by-many-hosts: 4 sector-not-found"],
  ["underfunded", { sources: { outOfFunds: true } }, "4 not-enough-funds"],
  ["fault", { sources: { failsInternally: true } }, "host-internal: 4 host-internal"],
  ["partial-refused", { spare: { full: true } }, /^\d not-enough-storage$/],
] as const)("%s: journal, log and result have the hosts' answers by code", async (outcome, who, said) => {
  const slab = await suite.world.storeSlab({ minShards: 2, totalShards: 5 });
  await suite.world.loseSector(slab, 0);
  const spare = suite.spare(slab).slice(0, 2);
  await suite.onlyCandidates(spare);
  if ("sources" in who) for (const { swarm } of slab.hosts.slice(1)) await swarm.setSwitches(who.sources);
  if ("spare" in who) for (const { swarm } of spare) await swarm.setSwitches(who.spare);
  const { result, lines } = await repairWithClock(slab, 0);
  if (result.kind === "stale") throw new Error("stale");
  const matches = typeof said === "string" ? new RegExp(`\\b${said}$`) : said;
  expect([result.kind, result.error]).toEqual([outcome, expect.stringMatching(matches)]);
  expect(await suite.journal(slab)).toMatchObject([{ outcome, error: result.error }]);
  const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(logged).toContainEqual(expect.objectContaining({ level: "warn", outcome, why: result.error }));
  expect(logged).toContainEqual(expect.objectContaining({ level: "info", kind: outcome, why: result.error }));
});
