import { readdir } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { verifySector } from "../../../dev/rhp4/verify-sector.ts";
import { accountBalance } from "../../../lib/rhp4/account-balance.ts";
import { callRpc } from "../../../lib/rhp4/call.ts";
import { readSectorCost, verifySectorCost, writeSectorCost } from "../../../lib/rhp4/costs.ts";
import { verifyHostPrices } from "../../../lib/rhp4/host-prices.ts";
import { latestRevision } from "../../../lib/rhp4/latest-revision.ts";
import { settings } from "../../../lib/rhp4/settings.ts";
import { hexOf, idBytes, parseContractId } from "../../../lib/slab/ids.ts";
import { LEAF_BYTES, LEAVES_PER_SECTOR, SECTOR_BYTES } from "../../../lib/slab/sizes.ts";
import { contract } from "../../rhp4/samples.ts";
import { accountKey, Cleanups, client, dial, kernel, RICH, sectorOf, testSwarm } from "./swarm-client.ts";

const contractId = parseContractId("ab".repeat(32));

describe("a host of the swarm", () => {
  const shared = new Cleanups();
  let cleanups = new Cleanups();
  let swarm: Awaited<ReturnType<typeof testSwarm>>;

  beforeAll(async () => {
    swarm = await testSwarm(shared, { tipHeight: 1000n, capacitySectors: 50 });
  });
  afterEach(async () => {
    await cleanups[Symbol.asyncDispose]();
    cleanups = new Cleanups();
  });
  afterAll(() => shared[Symbol.asyncDispose]());

  it("a host reports settings with signed prices", async () => {
    const mux = await dial(cleanups, swarm.host);
    const found = await settings(mux.openStream());
    expect(found.protocolVersion).toEqual([5, 1, 0]);
    expect(found.totalStorageSectors).toBe(50n);
    expect(found.prices.tipHeight).toBe(1000n);
    verifyHostPrices(found.prices, swarm.host.hostKey, Date.now());
    const validForSeconds = Number(found.prices.validUntilSeconds) - Date.now() / 1000;
    expect(validForSeconds).toBeGreaterThan(1790);
    expect(validForSeconds).toBeLessThanOrEqual(1800);
  });

  it("a host stores a write as a temporary sector and charges for it", async () => {
    const { write, payment } = await client(cleanups, swarm.host);
    const { bytes, root } = sectorOf("written");
    const before = await swarm.host.balance(accountKey.account);
    const written = await write(bytes);
    expect(written.root).toBe(root);
    expect(Buffer.compare(await swarm.host.readSectorFile(root), bytes)).toBe(0);
    expect(await swarm.host.sectorExpiration(root)).toBe(1432n);
    const charged = before - (await swarm.host.balance(accountKey.account));
    expect(charged).toBe(writeSectorCost(payment.prices, SECTOR_BYTES));
  });

  it("a host pads a short write with zeros to a sector", async () => {
    const { write, payment } = await client(cleanups, swarm.host);
    const padded = new Uint8Array(SECTOR_BYTES);
    padded.fill(7, 0, 128);
    const before = await swarm.host.balance(accountKey.account);
    expect((await write(padded.subarray(0, 128))).root).toBe(kernel.sectorRoot(padded));
    expect(before - (await swarm.host.balance(accountKey.account))).toBe(
      writeSectorCost(payment.prices, 128),
    );
  });

  it("a host charges for a second write of a sector that it already has", async () => {
    const { write } = await client(cleanups, swarm.host);
    const { bytes, root } = sectorOf("twice");
    await write(bytes);
    const between = await swarm.host.balance(accountKey.account);
    expect((await write(bytes)).root).toBe(root);
    expect(await swarm.host.balance(accountKey.account)).toBeLessThan(between);
  });

  it("a host serves a whole sector without a proof", async () => {
    const { bytes, root } = sectorOf("whole");
    await swarm.host.putSector(root, bytes);
    const { read, payment } = await client(cleanups, swarm.host);
    const before = await swarm.host.balance(accountKey.account);
    const found = await read(root);
    expect(found.proof).toEqual([]);
    expect(Buffer.compare(found.data, bytes)).toBe(0);
    expect(found.isProven).toBe(true);
    const charged = before - (await swarm.host.balance(accountKey.account));
    expect(charged).toBe(readSectorCost(payment.prices, SECTOR_BYTES));
  });

  it("a host serves any range with the same proof that the kernel builds", async () => {
    const { bytes, root } = sectorOf("ranges");
    await swarm.host.putSector(root, bytes);
    const { read } = await client(cleanups, swarm.host);
    const leaf = fc.oneof(
      fc.nat({ max: LEAVES_PER_SECTOR }),
      fc.nat({ max: 64 }).map((piece) => piece * 1024),
    );
    const range = fc.tuple(leaf, leaf).filter(([one, other]) => one !== other);
    await fc.assert(
      fc.asyncProperty(range, async ([one, other]) => {
        const offset = Math.min(one, other) * LEAF_BYTES;
        const length = Math.abs(one - other) * LEAF_BYTES;
        const found = await read(root, offset, length);
        expect(found.isProven).toBe(true);
        expect(found.proof.map(hexOf)).toEqual(kernel.buildRangeProof(bytes, offset, length).map(hexOf));
        expect(Buffer.compare(found.data, bytes.subarray(offset, offset + length))).toBe(0);
      }),
      { numRuns: 15, verbose: 1 },
    );
  });

  it("a host verifies one leaf at the price of a sector", async () => {
    const { bytes, root } = sectorOf("leaf");
    await swarm.host.putSector(root, bytes);
    const { mux, payment } = await client(cleanups, swarm.host);
    const before = await swarm.host.balance(accountKey.account);
    const { proof, leaf } = await verifySector(mux.openStream(), { ...payment, root, leafIndex: 65_535n });
    const offset = 65_535 * LEAF_BYTES;
    expect(kernel.verifyRangeProof({ root, offset, length: LEAF_BYTES, data: leaf, proof })).toBe(true);
    const charged = before - (await swarm.host.balance(accountKey.account));
    expect(charged).toBe(verifySectorCost(payment.prices));
  });

  it("a host reports balances, zero for an unknown account", async () => {
    const mux = await dial(cleanups, swarm.host);
    const account = idBytes(parseContractId("cd".repeat(32)));
    expect(await accountBalance(mux.openStream(), account)).toBe(0n);
    await swarm.host.fund(account, RICH);
    await swarm.host.fund(account, 1n);
    expect(await accountBalance(mux.openStream(), account)).toBe(RICH + 1n);
  });

  it("a host reports the latest revision of a known contract", async () => {
    const mux = await dial(cleanups, swarm.host);
    await swarm.host.setContract(contractId, { contract, revisable: true, renewed: false });
    const found = await latestRevision(mux.openStream(), contractId);
    expect(found).toEqual({ contract, revisable: true, renewed: false });
  });

  it("a host keeps a temporary sector until its expiration height, and a pinned sector forever", async () => {
    const local = await testSwarm(cleanups, { tipHeight: 10n });
    const { write } = await client(cleanups, local.host);
    const passing = sectorOf("passing");
    const pinned = sectorOf("pinned");
    await write(passing.bytes);
    await write(pinned.bytes);
    expect(await local.host.pinSector(pinned.root)).toBe(true);
    await local.setTipHeight(441n);
    expect(await local.host.sectorRoots()).toEqual([passing.root, pinned.root]);
    // Written again at height 441, the sector has a new lifetime.
    await write(passing.bytes);
    await local.setTipHeight(442n);
    expect(await local.host.sectorExpiration(passing.root)).toBe(873n);
    await local.setTipHeight(873n);
    expect(await local.host.sectorRoots()).toEqual([pinned.root]);
    expect(await local.host.sectorExpiration(passing.root)).toBeUndefined();
    expect(await readdir(join(local.dir, "host-00"))).toEqual([pinned.root]);
  });

  it("a host counts its traffic", async () => {
    const local = await testSwarm(cleanups);
    const { bytes, root } = sectorOf("counted");
    const { read, write, mux, payment } = await client(cleanups, local.host);
    await write(bytes);
    await read(root);
    await read(root, 64, 128);
    await callRpc(mux.openStream(), "Settings", new Uint8Array(0), (stream) => stream.readExactly(1));
    expect(await local.host.counters()).toEqual({
      connections: 1,
      ends: {},
      rpcs: { Settings: 2, WriteSector: 1, ReadSector: 2 },
      refusals: {},
      bytesRead: SECTOR_BYTES + 128,
      bytesWritten: SECTOR_BYTES,
      sectorsStored: 1,
      hastingsCharged:
        writeSectorCost(payment.prices, SECTOR_BYTES) +
        readSectorCost(payment.prices, SECTOR_BYTES) +
        readSectorCost(payment.prices, 128),
      faults: [],
    });
    await local.host.resetCounters();
    expect((await local.host.counters()).bytesRead).toBe(0);
  });

  it("a host serves many streams of many connections simultaneously", async () => {
    const local = await testSwarm(cleanups, { hostCount: 8 });
    const { bytes, root } = sectorOf("crowd");
    await Promise.all(
      local.hosts.map(async (host) => {
        await host.putSector(root, bytes);
        const { read } = await client(cleanups, host);
        const ranges = await Promise.all([0, 1, 2, 3].map((mib) => read(root, mib * 2 ** 20, 2 ** 20)));
        expect(ranges.every(({ isProven }) => isProven)).toBe(true);
      }),
    );
    expect(new Set(local.hosts.map(({ hostKey }) => hostKey)).size).toBe(8);
  });
});
