/** Our client, as a repair uses it, against a host of the official crates, at several packet sizes. */
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { systemClock } from "../../lib/clock/clock.ts";
import { createHostDialer } from "../../lib/hosts/dial-host.ts";
import type { HostTarget } from "../../lib/hosts/host-dialer.ts";
import { createHostPool, type HostPool, type HostPoolOptions } from "../../lib/hosts/host-pool.ts";
import { rangeRead, sectorWrite } from "../../lib/hosts/paid-rpc.ts";
import { createKernel } from "../../lib/kernel/kernel.ts";
import { accountKeyFromSeed } from "../../lib/keys/account-key.ts";
import { settings } from "../../lib/rhp4/settings.ts";
import { dialMux } from "../../lib/siamux/establish-mux.ts";
import type { Root } from "../../lib/slab/ids.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { splitAddress } from "../wire/wire-client.ts";
import { type RustHost, type RustHosts, startRustHosts } from "./support/rust-hosts.ts";

const MEBIBYTE = 1_048_576;
const kernel = createKernel({ memoryBytes: 8 * MEBIBYTE });
const account = accountKeyFromSeed(new Uint8Array(32).fill(0x1a));
const noSignal = new AbortController().signal;
const sector = Buffer.from(Uint8Array.from({ length: SECTOR_BYTES }, (_, at) => at % 251));

const peer = inject("peers")["rust-host"];

if ("missing" in peer) {
  test("a host of the official crates is installed", (context) => context.skip(`rust-host: ${peer.missing}`));
}

// The smallest packets that the protocol allows, the packets that every host uses today, and the largest packets.
describe.runIf("path" in peer).each([1220, 4320, 32_768])(
  "a host with packets of %i bytes",
  (packetBytes) => {
    let folder: string;
    let hosts: RustHosts;
    let host: RustHost;
    let target: HostTarget;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "slabmend-rust-host-"));
      const binary = "path" in peer ? peer.path : "";
      const options = { hostCount: 1, folder: join(folder, "sectors"), seed: "rust-host", packetBytes };
      hosts = await startRustHosts(binary, options);
      host = hosts.hosts[0]!;
      target = { hostKey: host.hostKey, addresses: [host.address] };
      await host.fund(account.account, 10n ** 30n);
    });
    afterAll(async () => {
      await hosts?.stop();
      await rm(folder, { recursive: true, force: true });
    });
    beforeEach(() => host.heal());

    const withPool = async (
      run: (pool: HostPool) => Promise<void>,
      config: NonNullable<HostPoolOptions["config"]> = {},
    ): Promise<void> => {
      const dialer = createHostDialer({ clock: systemClock, allowPrivateAddresses: true });
      const pool = createHostPool({ dialer, account, clock: systemClock, config });
      try {
        await run(pool);
      } finally {
        await pool.close();
      }
    };
    const store = async (pool: HostPool): Promise<Root> =>
      (await pool.call(target, sectorWrite(sector), { signal: noSignal })).root;
    const isReadWhole = async (pool: HostPool, root: Root, offset: number, length: number) => {
      const into = new Uint8Array(length);
      const { proof } = await pool.call(target, rangeRead({ root, offset, into }), { signal: noSignal });
      return kernel.verifyRangeProof({ root, offset, length, data: into, proof });
    };
    const failureOf = (call: Promise<unknown>): Promise<unknown> =>
      call.then(
        () => "no failure",
        (error: unknown) => error,
      );

    test("a sector is read in many ranges in parallel, while it is written again", () =>
      withPool(async (pool) => {
        const root = await store(pool);
        expect(root).toBe(kernel.sectorRoot(sector));
        const ranges = [
          [0, SECTOR_BYTES],
          [0, 64],
          [SECTOR_BYTES - 64, 64],
          [790_080, 49_728],
          ...Array.from({ length: 16 }, (_, n) => [n * 131_072, 131_072]),
        ] as [number, number][];
        const [reads, writes] = await Promise.all([
          Promise.all(ranges.map(([offset, length]) => isReadWhole(pool, root, offset, length))),
          Promise.all([store(pool), store(pool)]),
        ]);
        expect(reads).toEqual(ranges.map(() => true));
        expect(writes).toEqual([root, root]);
      }));

    test.each([1220, 4320, 32_768])("our packets of %i bytes", async (packetSizeBytes) => {
      const { host: name, port } = splitAddress(host.address);
      const mux = await dialMux(connect(port, name), host.hostKey, { packetSizeBytes });
      try {
        expect((await settings(mux.openStream())).protocolVersion).toEqual([5, 1, 0]);
      } finally {
        mux.close();
        await mux.closed;
      }
    });

    test("cancelled reads of a whole sector do not disturb other calls, and do not count as failures of the host", () =>
      withPool(async (pool) => {
        const root = await store(pool);
        for (let round = 0; round < 4; round++) {
          const losing = new AbortController();
          const read = rangeRead({ root, offset: 0, into: new Uint8Array(SECTOR_BYTES) });
          const givenUp = pool.call(target, read, { signal: losing.signal });
          // Once this later call on the same connection has been answered, the host has surely begun the read.
          await pool.balance(target, noSignal);
          losing.abort(new Error("lost the race"));
          expect(await givenUp.catch((error: { code: string }) => error.code)).toBe("aborted");
          expect(await isReadWhole(pool, root, 64, MEBIBYTE)).toBe(true);
        }
        expect(pool.score(target.hostKey).failureRate).toBe(0);
      }));

    test("after an early refusal of a write the next call succeeds", () =>
      withPool(async (pool) => {
        const root = await store(pool);
        await host.setSwitches({
          refusesWritesEarly: { afterBytes: 0, code: 5, description: "not enough funds" },
        });
        const refused = await failureOf(pool.call(target, sectorWrite(sector), { signal: noSignal }));
        // When the host refuses the sector, packets of the sector are still in transit. With small packets, more are in
        // transit than a host of the official crates tolerates. Then the host may end the connection before we know of
        // the refusal.
        const isFlood = packetBytes < 4223;
        expect(isFlood ? ["not-enough-funds", "connection-lost"] : ["not-enough-funds"]).toContain(
          (refused as { code: string }).code,
        );
        await expect.poll(() => isReadWhole(pool, root, 0, 64).catch(() => false)).toBe(true);
      }));

    test("a read from a host that falls silent times out, and the host is used again when it answers", () =>
      withPool(
        async (pool) => {
          const root = await store(pool);
          await host.setSwitches({ stallsReadsAfterBytes: MEBIBYTE });
          expect(await failureOf(isReadWhole(pool, root, 0, SECTOR_BYTES))).toMatchObject({
            code: "timed-out",
            meansLost: false,
          });
          await host.setSwitches({ stallsReadsAfterBytes: null, availability: "silent" });
          expect(await failureOf(isReadWhole(pool, root, 0, 64))).toMatchObject({
            code: "timed-out",
            meansLost: false,
          });
          await host.setSwitches({ availability: "online" });
          expect(await isReadWhole(pool, root, 0, SECTOR_BYTES)).toBe(true);
        },
        { transferDeadlineMs: 3_000, silentConnectionMs: 1_000 },
      ));

    test("a connection that failed but stays open at the host is replaced", () =>
      withPool(
        async (pool) => {
          const root = await store(pool);
          await host.setSwitches({
            keepsFailedConnections: true,
            refusesWritesEarly: { afterBytes: 0, code: 5, description: "not enough funds" },
          });
          for (let write = 0; write < 3; write++)
            await failureOf(pool.call(target, sectorWrite(sector), { signal: noSignal }));
          await expect
            .poll(() => isReadWhole(pool, root, 0, SECTOR_BYTES).catch(() => false), { timeout: 30_000 })
            .toBe(true);
        },
        { transferDeadlineMs: 3_000, silentConnectionMs: 1_000 },
      ));

    test.each([
      ["corrupts data", { corruptsData: true }],
      ["sends wrong proofs", { sendsWrongProofs: true }],
      ["serves another sector", { servesOtherSector: true }],
    ])("a host that %s is detected", (_what, lie) =>
      withPool(async (pool) => {
        const root = await store(pool);
        await host.setSwitches(lie);
        expect(await isReadWhole(pool, root, MEBIBYTE, MEBIBYTE).catch(() => "refused")).not.toBe(true);
      }),
    );

    test("a host that goes offline and returns keeps its sectors", () =>
      withPool(async (pool) => {
        const root = await store(pool);
        await host.setSwitches({ availability: "offline" });
        expect(await failureOf(isReadWhole(pool, root, 0, 64))).toMatchObject({
          isHostFault: true,
          meansLost: false,
        });
        await host.setSwitches({ availability: "online" });
        await expect
          .poll(() => isReadWhole(pool, root, 0, 64).catch(() => false), { timeout: 30_000 })
          .toBe(true);
        expect((await host.counters()).faults).toEqual([]);
      }));
  },
);
