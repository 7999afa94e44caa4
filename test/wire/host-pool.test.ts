import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { systemClock } from "../../lib/clock/clock.ts";
import { createHostDialer } from "../../lib/hosts/dial-host.ts";
import type { HostTarget } from "../../lib/hosts/host-dialer.ts";
import { createHostPool, type HostPool } from "../../lib/hosts/host-pool.ts";
import { rangeRead, sectorWrite } from "../../lib/hosts/paid-rpc.ts";
import { createKernel } from "../../lib/kernel/kernel.ts";
import { accountKeyFromSeed } from "../../lib/keys/account-key.ts";
import type { AccountSigner } from "../../lib/rhp4/account-token.ts";
import { readSectorCost, writeSectorCost } from "../../lib/rhp4/costs.ts";
import { parseHostKey, parseRoot, type Root } from "../../lib/slab/ids.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { startChoppingProxy } from "./chopping-proxy.ts";
import { splitAddress } from "./wire-client.ts";
import { type Trait, type WireHosts, wirePeers } from "./wire-hosts.ts";

/**
 * The host pool, the dialer and everything below them, as a repair uses them. The hosts are our own, or those that an
 * environment variable names (wire-hosts.ts).
 */

const MEBIBYTE = 1024 * 1024;
const kernel = createKernel({ memoryBytes: 8 * MEBIBYTE });
const stranger = accountKeyFromSeed(new Uint8Array(32).fill(0x66));
const noSignal = new AbortController().signal;

const sectorOf = (name: string): Uint8Array =>
  createHash("shake256", { outputLength: SECTOR_BYTES }).update(name).digest();

describe.each(wirePeers(process.env))("$peers", ({ start }) => {
  let all: WireHosts;
  beforeAll(async () => {
    all = await start();
  });
  afterAll(() => all?.stop());

  const targetOf = (trait: Trait): HostTarget | undefined => {
    const host = all.hosts.find((candidate) => candidate.trait === trait);
    return host && { hostKey: host.hostKey, addresses: [host.address] };
  };

  const withPool = async (
    run: (pool: HostPool) => Promise<void>,
    account: AccountSigner = all.account,
  ): Promise<void> => {
    const dialer = createHostDialer({ clock: systemClock, allowPrivateAddresses: true });
    const pool = createHostPool({ dialer, account, clock: systemClock });
    try {
      await run(pool);
    } finally {
      await pool.close();
    }
  };

  const readRange = async (pool: HostPool, host: HostTarget, root: Root, offset: number, length: number) => {
    const into = new Uint8Array(length);
    const read = await pool.call(host, rangeRead({ root, offset, into }), { signal: noSignal });
    return { ...read, into };
  };

  test("the host pool stores a sector and reads it back, at the host's own prices", () =>
    withPool(async (pool) => {
      const host = targetOf("ordinary")!;
      const data = sectorOf("pool");
      const prices = await pool.prices(host, noSignal);
      const before = await pool.balance(host, noSignal);
      const written = await pool.call(host, sectorWrite(data), { signal: noSignal });
      expect(written.root).toBe(kernel.sectorRoot(data));
      const { into, proof } = await readRange(pool, host, written.root, MEBIBYTE, MEBIBYTE);
      expect(
        kernel.verifyRangeProof({
          root: written.root,
          offset: MEBIBYTE,
          length: MEBIBYTE,
          data: into,
          proof,
        }),
      ).toBe(true);
      const cost = writeSectorCost(prices, SECTOR_BYTES) + readSectorCost(prices, MEBIBYTE);
      expect(before - (await pool.balance(host, noSignal))).toBe(cost);
    }));

  test("hedged reads can be cancelled at any moment, and the reads that succeed are complete", () =>
    withPool(async (pool) => {
      const seed = inject("seed");
      const random = seededRandom(seed);
      const ordinary = targetOf("ordinary")!;
      const proxy = await startChoppingProxy({ ...splitAddress(ordinary.addresses[0]!), seed });
      const host = { ...ordinary, addresses: [`127.0.0.1:${proxy.port}`] };
      try {
        const { root } = await pool.call(host, sectorWrite(sectorOf("hedged")), { signal: noSignal });
        const reads = Array.from({ length: 24 }, async (_, n) => {
          const abort = new AbortController();
          const offset = (n % 4) * MEBIBYTE;
          const into = new Uint8Array(MEBIBYTE);
          const reading = pool.call(host, rangeRead({ root, offset, into }), { signal: abort.signal });
          if (n % 2 === 0) {
            setTimeout(() => abort.abort(new Error("lost the race")), random() * 80);
            return reading.then(
              () => "whole",
              (error: { code: string }) => error.code,
            );
          }
          const { proof } = await reading;
          return kernel.verifyRangeProof({ root, offset, length: MEBIBYTE, data: into, proof })
            ? "whole"
            : "wrong";
        });
        const results = await Promise.all(reads);
        expect(
          results.filter((_, n) => n % 2 === 1),
          `seed ${seed}`,
        ).toEqual(Array(12).fill("whole"));
        for (const result of results.filter((_, n) => n % 2 === 0))
          expect(["whole", "aborted"]).toContain(result);
      } finally {
        await pool.close();
        await proxy.close();
      }
    }));

  const failureOf = (call: Promise<unknown>): Promise<unknown> =>
    call.then(
      () => "no failure",
      (error: unknown) => error,
    );

  test("the answers 'sector not found' and 'sector corrupt' are denials, and no fault of the host", () =>
    withPool(async (pool) => {
      const host = targetOf("ordinary")!;
      const unknown = await failureOf(readRange(pool, host, parseRoot("dd".repeat(32)), 0, MEBIBYTE));
      expect(unknown).toMatchObject({ code: "sector-not-found", meansLost: true, isHostFault: false });
      const { corruptRoot } = all.hosts.find(({ trait }) => trait === "ordinary")!;
      if (corruptRoot === undefined) return;
      const corrupt = await failureOf(readRange(pool, host, corruptRoot, 0, MEBIBYTE));
      expect(corrupt).toMatchObject({ code: "sector-corrupt", meansLost: true, isHostFault: false });
    }));

  test("a call with an unfunded account fails with the code not-enough-funds", () =>
    withPool(async (pool) => {
      const failure = await failureOf(
        pool.call(targetOf("ordinary")!, sectorWrite(sectorOf("poor")), { signal: noSignal }),
      );
      expect(failure).toMatchObject({ code: "not-enough-funds", meansLost: false, isHostFault: false });
    }, stranger));

  test.each([
    ["full", "not-enough-storage"],
    ["shutting-down", "host-shutting-down"],
  ] as const)("a host that is %s", (trait, code) =>
    withPool(async (pool) => {
      const host = targetOf(trait);
      if (host === undefined) return;
      const failure = await failureOf(
        pool.call(host, sectorWrite(sectorOf("refused")), { signal: noSignal }),
      );
      expect(failure).toMatchObject({ code, meansLost: false, isHostFault: true, retryElsewhere: true });
    }),
  );

  test("a host with a different identity is refused", () =>
    withPool(async (pool) => {
      const host = {
        ...targetOf("ordinary")!,
        hostKey: parseHostKey(Buffer.from(stranger.account).toString("hex")),
      };
      const failure = await failureOf(pool.prices(host, noSignal));
      expect(failure).toMatchObject({ code: "handshake-failed", meansLost: false });
    }));
});
