/** Two hosts acknowledge one shard: one location is recorded, and the other host's write only costs money. */
import { expect, test } from "vitest";
import type { NetworkHost } from "../../../lib/database/indexd/network-snapshot.ts";
import { HostError } from "../../../lib/hosts/host-error.ts";
import type { CallTerms, HostPool } from "../../../lib/hosts/host-pool.ts";
import type { HeldSector } from "../../../lib/jobs/repair/held-sector.ts";
import { HostAnswers } from "../../../lib/jobs/repair/host-answers.ts";
import { CostLimit, createMeter } from "../../../lib/jobs/repair/meter.ts";
import { ShardStore } from "../../../lib/jobs/repair/store-shards.ts";
import { createTimeLimits } from "../../../lib/jobs/repair/time-limits.ts";
import type { PlannedMove } from "../../../lib/placement/plan-repair.ts";
import { SECTOR_BYTES } from "../../../lib/slab/sizes.ts";
import { createLogger } from "../../../lib/telemetry/logger.ts";
import { createFakeClock } from "../../support/fake-clock.ts";

const HEDGE_AFTER_MS = 1_500;
const COST = 7n;
const host = (id: number) => ({ id, hostKey: `host${id}` }) as unknown as NetworkHost;
const moveOf = (index: number) => ({ sector: { index, root: `root${index}` } }) as unknown as PlannedMove;

/**
 * Starts to store shards on hosts that acknowledge a write when the test tells them to. These hosts charge for a
 * cancelled write, too.
 */
function createStore(candidates: readonly NetworkHost[]) {
  const clock = createFakeClock();
  const meter = createMeter();
  const writes: { readonly host: NetworkHost; acknowledge(root: string): void }[] = [];
  const hosts = {
    async call(to: NetworkHost, _rpc: unknown, { signal, onCharged }: CallTerms) {
      const answer = Promise.withResolvers<{ root: string; durationMs: number }>();
      writes.push({ host: to, acknowledge: (root) => answer.resolve({ root, durationMs: 1 }) });
      const giveUp = () => answer.reject(new HostError(to.hostKey, "aborted", "given up"));
      signal.addEventListener("abort", giveUp);
      try {
        return await answer.promise;
      } finally {
        onCharged?.(COST);
      }
    },
    hedgeAfterMs: () => HEDGE_AFTER_MS,
    expectedMs: () => 1_000,
    reportWrongData: () => {},
  } as unknown as HostPool;
  const limits = createTimeLimits({
    clock,
    transfersEndAtMs: clock.now() + 60_000,
    expectedMs: () => 1_000,
    signal: new AbortController().signal,
  });
  const store = new ShardStore({
    candidates,
    hosts,
    clock,
    logger: createLogger("silent", { indexer: "default" }),
    meter,
    cost: new CostLimit(meter, undefined),
    answers: new HostAnswers(),
    priceLimit: {},
    limits,
    onStored: () => {},
  });
  const released: number[] = [];
  const put = (index: number): void => {
    const held: HeldSector = {
      data: new Uint8Array(SECTOR_BYTES),
      retain() {},
      release: () => void released.push(index),
    };
    store.store(moveOf(index), held, "rebuilt");
  };
  return { clock, meter, writes, store, limits, put, released };
}

const turns = async (): Promise<void> => {
  for (let n = 0; n < 20; n += 1) await new Promise((resolve) => setImmediate(resolve));
};

test("a shard acknowledged by two hosts is recorded once, and both writes are paid", async () => {
  const { clock, meter, writes, store, limits, put, released } = createStore([host(1), host(2), host(3)]);
  put(0);
  await turns();
  expect(writes.map(({ host: { id } }) => id)).toEqual([1]);
  await clock.advance(HEDGE_AFTER_MS);
  expect(writes.map(({ host: { id } }) => id)).toEqual([1, 2]);
  for (const { acknowledge } of writes) acknowledge("root0");
  await store.settled();
  expect(store.stored.map(({ move, host: { id } }) => [move.sector.index, id])).toEqual([[0, 1]]);
  expect(meter.hastings).toBe(2n * COST);
  expect(released).toEqual([0]);
  limits.stop();
  expect(clock.pending).toBe(0);
});

test("no write is hedged while all hosts are equally slow; a write that lasts longer than the others is hedged", async () => {
  const hosts = [1, 2, 3, 4, 5, 6].map(host);
  const { clock, writes, store, limits, put } = createStore(hosts);
  for (const index of [0, 1, 2, 3]) put(index);
  await turns();
  await clock.advance(HEDGE_AFTER_MS + 1_000);
  expect(writes).toHaveLength(4);
  for (const index of [0, 1, 2]) writes[index]!.acknowledge(`root${index}`);
  await turns();
  await clock.advance(1_000);
  expect(writes.map(({ host: { id } }) => id)).toEqual([1, 2, 3, 4, 5]);
  writes[4]!.acknowledge("root3");
  await store.settled();
  expect(store.stored).toHaveLength(4);
  limits.stop();
});

test("a slow host that lost a race for a shard is offered another shard, but only after all other hosts", async () => {
  const { clock, writes, store, limits, put } = createStore([host(1), host(2), host(3)]);
  put(0);
  await turns();
  await clock.advance(HEDGE_AFTER_MS);
  writes[1]!.acknowledge("root0");
  await turns();
  put(1);
  await turns();
  put(2);
  await turns();
  expect(writes.map(({ host: { id } }) => id)).toEqual([1, 2, 3, 1]);
  writes[2]!.acknowledge("root1");
  writes[3]!.acknowledge("root2");
  await store.settled();
  expect(store.stored.map(({ move, host: { id } }) => [move.sector.index, id])).toEqual([
    [0, 2],
    [1, 3],
    [2, 1],
  ]);
  expect(store.hasCandidates).toBe(false);
  limits.stop();
});
