/** Workers that are stopped: for longer than their lease, and between two repairs. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { defaultHostPoolConfig } from "../../lib/hosts/host-pool-config.ts";
import { createKillWorld, type KillWorld } from "../support/kill-world.ts";
import type { StoredSlab } from "../support/repair-world.ts";
import { type SilentProxy, startSilentProxy } from "../support/silent-proxy.ts";
import { untilEqual } from "../support/until.ts";
import type { WorkerProcess } from "../support/worker-process.ts";

let kill: KillWorld;
beforeAll(async () => {
  kill = await createKillWorld({ hosts: 12 });
});
afterAll(() => kill.stop());
beforeEach(() => kill.reset());

/** More bytes than a request for the settings, which takes one or two packets, but far fewer than a sector. */
const MOST_OF_A_QUESTION = 16_384;

const CODE = { minShards: 2, totalShards: 4 } as const;

test.each(["begun", "fetched-one", "rebuilt-one", "stored-one", "stored", "commit-sent"])(
  "a repair that was stopped at %s for longer than its lease does no harm when it continues",
  async (step) => {
    const { sql } = kill.world.database;
    const slab = await kill.world.storeSlab(CODE);
    await kill.world.loseSector(slab, 0);
    await sql`update contracts set good = false where host_id = ${slab.hosts[1]!.row.id}`;
    const victim = await kill.startVictim("repair", { step, signal: "SIGSTOP" });
    const first = await kill.world.lease(slab);
    const late = victim.invoke(kill.eventOf(first));
    await victim.whenStopped();
    // A sent commit completes; any other work is taken over by another worker.
    const outcomes = await kill.finish();
    const [before] = await sql`select outcome from slabmend.journal where token = ${first.token}`;
    expect(outcomes).toEqual(before!["outcome"] === "crashed" ? ["crashed", "repaired"] : []);
    const view = () => sql`
      select s.next_repair_attempt::text, x.id::text, x.host_id, x.num_migrated, x.uploaded_at::text
      from slabs s join slab_sectors ss on ss.slab_id = s.id join sectors x on x.id = ss.sector_id
      where s.id = ${String(slab.id)} order by x.id`;
    const then = await view();
    expect(victim.signal("SIGCONT")).toBe(true);
    expect(await late).toMatchObject({ kind: "succeeded" });
    expect(await view()).toEqual(then);
    expect(await kill.violations([slab])).toEqual([]);
  },
);

describe("a worker frozen between two repairs until it no longer trusts its connections", () => {
  let proxies: readonly SilentProxy[];
  beforeAll(async () => {
    // The proxies stand for devices between worker and hosts, such as a NAT.
    proxies = await Promise.all(
      kill.world.hosts.map(({ swarm }) => {
        const [host, port] = swarm.address.split(":");
        return startSilentProxy({ host: host!, port: Number(port) });
      }),
    );
    for (const [index, { row }] of kill.world.hosts.entries()) {
      await kill.world.database.sql`
        update host_addresses set net_address = ${`127.0.0.1:${proxies[index]!.port}`} where host_id = ${row.id}`;
    }
  });
  afterAll(() => Promise.all(proxies.map((proxy) => proxy.stop())));

  /**
   * Lets a worker repair two lost sectors of a slab, and then loses the other two. Waits until the worker has been
   * frozen for so long that it no longer trusts its connections. The next repair must read from the two hosts to which
   * the first repair has written and to which the worker still has connections.
   */
  async function frozenWorker(): Promise<{
    slab: StoredSlab;
    worker: WorkerProcess;
    sources: readonly number[];
  }> {
    const slab = await kill.world.storeSlab(CODE);
    await kill.world.loseSector(slab, 0);
    await kill.world.loseSector(slab, 1);
    const worker = await kill.startVictim("repair");
    await repair(worker, slab);
    const frozenAt = Date.now();
    const places = await kill.world.locations(slab);
    await kill.world.loseSector(slab, 2);
    await kill.world.loseSector(slab, 3);
    for (const { swarm } of kill.world.hosts) await swarm.resetCounters();
    await untilEqual(() => Date.now() - frozenAt > defaultHostPoolConfig.trustIdleMs, true);
    expect(await worker.isFrozen()).toBe(true);
    return { slab, worker, sources: [0, 1].map((index) => kill.world.hosts.indexOf(places[index]!)) };
  }

  async function repair(worker: WorkerProcess, slab: StoredSlab): Promise<void> {
    const task = await kill.world.lease(slab);
    expect(await worker.invoke(kill.eventOf(task))).toMatchObject({ payload: '{"batchItemFailures":[]}' });
    const [row] = await kill.world.database.sql`
      select outcome from slabmend.journal where token = ${task.token}`;
    expect(row).toEqual({ outcome: "repaired" });
  }

  test("after a freeze a worker tests its live connections, and gets new prices with the answer", async () => {
    const { slab, worker, sources } = await frozenWorker();
    for (const { swarm } of kill.world.hosts) await swarm.expirePrices();
    await repair(worker, slab);
    for (const source of sources) {
      const { connections, rpcs, refusals } = await kill.world.hosts[source]!.swarm.counters();
      // If the worker had used the expired prices, the hosts would have refused them, and the worker would have had to
      // fetch new prices.
      expect({ connections, settings: rpcs["Settings"], refusals }).toEqual({
        connections: 0,
        settings: 1,
        refusals: {},
      });
      expect(rpcs["ReadSector"]).toBeGreaterThan(0);
    }
    expect(await kill.violations([slab])).toEqual([]);
  });

  test("silently dropped connections are given up after one test and replaced", async () => {
    const { slab, worker, sources } = await frozenWorker();
    const before = proxies.map(({ accepted }) => accepted);
    for (const proxy of proxies) {
      void proxy.fallSilent();
      proxy.recover();
    }
    await repair(worker, slab);
    for (const source of sources) {
      const { dead, accepted } = proxies[source]!;
      expect([accepted, dead.length]).toEqual([before[source]! + 1, 1]);
      await untilEqual(() => dead[0]!.isLeft, true);
    }
    for (const { bytes } of proxies.flatMap(({ dead }) => dead))
      expect(bytes).toBeLessThan(MOST_OF_A_QUESTION);
    expect(await kill.violations([slab])).toEqual([]);
  });

  test("hosts that restarted are dialled again", async () => {
    const { slab, worker } = await frozenWorker();
    for (const { swarm } of kill.world.hosts) {
      await swarm.expirePrices();
      await swarm.restart();
    }
    await repair(worker, slab);
    expect(await kill.violations([slab])).toEqual([]);
  });
});
