import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { verifySector } from "../../dev/rhp4/verify-sector.ts";
import { createKernel } from "../../lib/kernel/kernel.ts";
import { accountKeyFromSeed } from "../../lib/keys/account-key.ts";
import { accountBalance } from "../../lib/rhp4/account-balance.ts";
import { readSectorCost, verifySectorCost, writeSectorCost } from "../../lib/rhp4/costs.ts";
import { verifyHostPrices } from "../../lib/rhp4/host-prices.ts";
import { latestRevision } from "../../lib/rhp4/latest-revision.ts";
import type { Payment } from "../../lib/rhp4/payment.ts";
import { readSector } from "../../lib/rhp4/read-sector.ts";
import { settings } from "../../lib/rhp4/settings.ts";
import { writeSector } from "../../lib/rhp4/write-sector.ts";
import { hexOf, type Root } from "../../lib/slab/ids.ts";
import { LEAF_BYTES, LEAVES_PER_SECTOR, SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { type ChoppingProxy, startChoppingProxy } from "./chopping-proxy.ts";
import { splitAddress, WireClient } from "./wire-client.ts";
import { type WireHost, type WireHosts, wirePeers } from "./wire-hosts.ts";

/**
 * All our RPCs through a proxy that splits the bytes of both directions at random places. The hosts are our own, or
 * those that an environment variable names (wire-hosts.ts).
 */

const kernel = createKernel({ memoryBytes: 8 * 1024 * 1024 });
const MEBIBYTE = 1024 * 1024;

function padded(data: Uint8Array): Uint8Array {
  const sector = new Uint8Array(SECTOR_BYTES);
  sector.set(data);
  return sector;
}

/** A random range of whole leaves, often at an edge of the sector, where proofs are longest or empty. */
function randomRange(random: () => number): { readonly offset: number; readonly length: number } {
  const edge = () => {
    const kind = random();
    if (kind < 0.15) return 0;
    if (kind < 0.3) return LEAVES_PER_SECTOR;
    if (kind < 0.5) return 16_384 * Math.floor(random() * 5);
    return Math.floor(random() * (LEAVES_PER_SECTOR + 1));
  };
  const [one, other] = [edge(), edge()];
  const start = Math.min(one, other, LEAVES_PER_SECTOR - 1);
  const end = Math.max(one, other, start + 1);
  return { offset: start * LEAF_BYTES, length: (end - start) * LEAF_BYTES };
}

describe.each(wirePeers(process.env))("$peers", ({ start }) => {
  let all: WireHosts;
  let host: WireHost;
  beforeAll(async () => {
    all = await start();
    host = all.hosts.find(({ trait }) => trait === "ordinary")!;
  });
  afterAll(() => all?.stop());

  const testChopped = (
    name: string,
    run: (client: WireClient, random: () => number, proxy: ChoppingProxy) => Promise<void>,
  ) =>
    test.each([inject("seed"), 1, 2])(`${name}, seed %i`, async (seed) => {
      const proxy = await startChoppingProxy({ ...splitAddress(host.address), seed });
      try {
        await using client = await WireClient.dial(host, all.account, `127.0.0.1:${proxy.port}`);
        await run(client, seededRandom(seed + 1), proxy);
        expect(client.mux.isClosed).toBe(false);
        expect(client.mux.openStreamCount).toBe(0);
      } finally {
        await proxy.close();
      }
    });

  const read = async (client: WireClient, payment: Payment, root: Root, offset: number, length: number) => {
    const into = new Uint8Array(length);
    const { proof } = await readSector(client.mux.openStream(), payment, { root, offset, into });
    return { data: into, proof };
  };

  testChopped("the free RPCs succeed in chunks of any size", async (client, _random, proxy) => {
    const found = await settings(client.mux.openStream());
    verifyHostPrices(found.prices, client.host.hostKey, Date.now());
    expect(found.protocolVersion[0]).toBeGreaterThanOrEqual(5);
    expect(await accountBalance(client.mux.openStream(), all.account.account)).toBeGreaterThan(10n ** 20n);
    const unknown = accountKeyFromSeed(new Uint8Array(32).fill(0x55)).account;
    expect(await accountBalance(client.mux.openStream(), unknown)).toBe(0n);
    if (client.host.contractId !== undefined) {
      const { contract, revisable, renewed } = await latestRevision(
        client.mux.openStream(),
        client.host.contractId,
      );
      expect(hexOf(contract.hostPublicKey)).toBe(client.host.hostKey);
      expect({ revisable, renewed }).toEqual({ revisable: true, renewed: false });
    }
    expect(proxy.pieces()).toBeGreaterThan(2);
  });

  testChopped("a sector is written, read and verified in chunks of any size", async (client, random) => {
    const payment = await client.payment();
    const data = createHash("shake256", { outputLength: SECTOR_BYTES }).update(String(random())).digest();
    const root = kernel.sectorRoot(data);
    let balance = await accountBalance(client.mux.openStream(), all.account.account);
    const expectCharged = async (expected: bigint) => {
      const after = await accountBalance(client.mux.openStream(), all.account.account);
      expect(balance - after).toBe(expected);
      balance = after;
    };

    const written = await writeSector(client.mux.openStream(), payment, data);
    expect(written.root).toBe(root);
    await expectCharged(writeSectorCost(payment.prices, SECTOR_BYTES));

    const whole = await read(client, payment, root, 0, SECTOR_BYTES);
    expect(whole.proof).toEqual([]);
    expect(Buffer.compare(whole.data, data)).toBe(0);
    await expectCharged(readSectorCost(payment.prices, SECTOR_BYTES));

    for (let round = 0; round < 6; round++) {
      const range = randomRange(random);
      const found = await read(client, payment, root, range.offset, range.length);
      expect(found.proof.map(hexOf)).toEqual(
        kernel.buildRangeProof(data, range.offset, range.length).map(hexOf),
      );
      expect(kernel.verifyRangeProof({ root, ...range, data: found.data, proof: found.proof })).toBe(true);
      expect(Buffer.compare(found.data, data.subarray(range.offset, range.offset + range.length))).toBe(0);
      await expectCharged(readSectorCost(payment.prices, range.length));
    }

    for (const leaf of [0, LEAVES_PER_SECTOR - 1, Math.floor(random() * LEAVES_PER_SECTOR)]) {
      const verified = await verifySector(client.mux.openStream(), {
        ...payment,
        root,
        leafIndex: BigInt(leaf),
      });
      const range = { offset: leaf * LEAF_BYTES, length: LEAF_BYTES };
      expect(kernel.verifyRangeProof({ root, ...range, data: verified.leaf, proof: verified.proof })).toBe(
        true,
      );
      await expectCharged(verifySectorCost(payment.prices));
    }
  });

  testChopped("short writes are padded with zeros by the host", async (client, random) => {
    const payment = await client.payment();
    for (const length of [LEAF_BYTES, 4096, 4160, LEAF_BYTES * (1 + Math.floor(random() * 1000))]) {
      const data = new Uint8Array(length).map(() => Math.floor(random() * 256));
      const balance = () => accountBalance(client.mux.openStream(), all.account.account);
      const before = await balance();
      const { root } = await writeSector(client.mux.openStream(), payment, data);
      expect(root).toBe(kernel.sectorRoot(padded(data)));
      expect(before - (await balance())).toBe(writeSectorCost(payment.prices, length));
    }
  });

  testChopped("many streams at once share one connection", async (client, random) => {
    const payment = await client.payment();
    const sectors = [0, 1, 2].map(() =>
      createHash("shake256", { outputLength: SECTOR_BYTES }).update(String(random())).digest(),
    );
    const roots = await Promise.all(
      sectors.map(async (data) => (await writeSector(client.mux.openStream(), payment, data)).root),
    );
    const reads = Array.from({ length: 12 }, async () => {
      const index = Math.floor(random() * sectors.length);
      const offset = Math.floor(random() * 4) * MEBIBYTE;
      const { data, proof } = await read(client, payment, roots[index]!, offset, MEBIBYTE);
      return kernel.verifyRangeProof({ root: roots[index]!, offset, length: MEBIBYTE, data, proof });
    });
    const balances = Array.from({ length: 5 }, () =>
      accountBalance(client.mux.openStream(), all.account.account),
    );
    expect(await Promise.all(reads)).toEqual(reads.map(() => true));
    await Promise.all(balances);
  });

  testChopped("reads that are given up half way harm no other", async (client, random) => {
    const payment = await client.payment();
    const data = createHash("shake256", { outputLength: SECTOR_BYTES }).update(String(random())).digest();
    const { root } = await writeSector(client.mux.openStream(), payment, data);
    for (let round = 0; round < 4; round++) {
      const stream = client.mux.openStream();
      const into = new Uint8Array(SECTOR_BYTES);
      const givenUp = readSector(stream, payment, { root, offset: 0, into });
      const cause = new Error("no longer needed");
      const kept = read(client, payment, root, MEBIBYTE, MEBIBYTE);
      // The read is given up at once or, in every second round, after the host has answered another request.
      if (round % 2 === 1) await accountBalance(client.mux.openStream(), all.account.account);
      stream.destroy(cause);
      await expect(givenUp).rejects.toBe(cause);
      const { data: found, proof } = await kept;
      expect(kernel.verifyRangeProof({ root, offset: MEBIBYTE, length: MEBIBYTE, data: found, proof })).toBe(
        true,
      );
    }
  });

  const outcomeOf = (write: Promise<{ readonly root: Root }>): Promise<unknown> =>
    write.then(
      ({ root }) => root,
      (error: unknown) => error,
    );

  testChopped("writes that are given up half way harm no other", async (client, random) => {
    const payment = await client.payment();
    const data = createHash("shake256", { outputLength: SECTOR_BYTES }).update(String(random())).digest();
    for (let round = 0; round < 4; round++) {
      const stream = client.mux.openStream();
      const givenUp = writeSector(stream, payment, data);
      if (round % 2 === 1) await accountBalance(client.mux.openStream(), all.account.account);
      const cause = new Error("no longer needed");
      stream.destroy(cause);
      // A fast host may have answered the write before it answered the request for the balance.
      if (round % 2 === 1) expect([cause, kernel.sectorRoot(data)]).toContain(await outcomeOf(givenUp));
      else await expect(givenUp).rejects.toBe(cause);
    }
    const { root } = await writeSector(client.mux.openStream(), payment, data);
    expect(root).toBe(kernel.sectorRoot(data));
  });
});
