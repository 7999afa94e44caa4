import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { encodeVerifySectorRequest } from "../../../dev/rhp4/verify-sector.ts";
import { accountKeyFromSeed } from "../../../lib/keys/account-key.ts";
import { type AccountSigner, createAccountToken } from "../../../lib/rhp4/account-token.ts";
import { callRpc } from "../../../lib/rhp4/call.ts";
import { expectSuccess, type RpcName } from "../../../lib/rhp4/framing.ts";
import { latestRevision } from "../../../lib/rhp4/latest-revision.ts";
import type { Payment } from "../../../lib/rhp4/payment.ts";
import { encodeReadSectorRequest, type ReadSectorRequest } from "../../../lib/rhp4/read-sector.ts";
import { encodeWriteSectorRequest } from "../../../lib/rhp4/write-sector.ts";
import type { Mux } from "../../../lib/siamux/mux.ts";
import { parseContractId, parseHostKey } from "../../../lib/slab/ids.ts";
import { LEAVES_PER_SECTOR, SECTOR_BYTES } from "../../../lib/slab/sizes.ts";
import { accountKey, Cleanups, client, refusalOf, sectorOf, testSwarm } from "./swarm-client.ts";

const stored = sectorOf("refusals");
const SOON_MS = 60_000;

/** Sends a request that our client would never send; a successful answer is read too, so that the test notices it. */
function callRaw(mux: Mux, name: RpcName, request: Uint8Array): Promise<unknown> {
  return callRpc(mux.openStream(), name, request, expectSuccess);
}

describe("a host refuses, in the words and order of the public server", () => {
  const shared = new Cleanups();
  let cleanups = new Cleanups();
  let swarm: Awaited<ReturnType<typeof testSwarm>>;
  let mux: Mux;
  let payment: Payment;

  const readOf = (change: Partial<ReadSectorRequest> = {}) =>
    refusalOf(
      callRaw(
        mux,
        "ReadSector",
        encodeReadSectorRequest({ ...payment, root: stored.root, offset: 0, length: 64, ...change }),
      ),
    );
  const writeOf = (dataLength: bigint, change: Partial<Payment> = {}) =>
    refusalOf(callRaw(mux, "WriteSector", encodeWriteSectorRequest({ ...payment, dataLength, ...change })));
  const verifyOf = (leafIndex: bigint, change: Partial<Payment> = {}) =>
    refusalOf(
      callRaw(
        mux,
        "VerifySector",
        encodeVerifySectorRequest({ ...payment, root: stored.root, leafIndex, ...change }),
      ),
    );
  const tokenBy = (signer: AccountSigner, validForMs = SOON_MS) =>
    createAccountToken(signer, swarm.host.hostKey, Date.now() + validForMs);

  beforeAll(async () => {
    swarm = await testSwarm(shared);
    await swarm.host.putSector(stored.root, stored.bytes);
  });
  afterEach(async () => {
    await cleanups[Symbol.asyncDispose]();
    cleanups = new Cleanups();
  });
  afterAll(() => shared[Symbol.asyncDispose]());

  async function connected(): Promise<void> {
    ({ mux, payment } = await client(cleanups, swarm.host));
  }

  it.each<[string, Partial<ReadSectorRequest>, string]>([
    ["of nothing", { length: 0 }, "length must be greater than 0"],
    ["past the end", { offset: SECTOR_BYTES - 64, length: 128 }, "read request exceeds sector bounds"],
    [
      "far past the end",
      { offset: Number.MAX_SAFE_INTEGER, length: 64 },
      "read request exceeds sector bounds",
    ],
    ["that ends off a leaf", { offset: 64, length: 65 }, "read request must be segment aligned"],
  ])("a read %s", async (_name, change, words) => {
    await connected();
    expect(await readOf(change)).toEqual({ code: 3, description: `request invalid: ${words} (3)` });
  });

  it("a read that begins within a leaf and ends at a leaf boundary is refused only after payment", async () => {
    await connected();
    const before = await swarm.host.balance(accountKey.account);
    expect(await readOf({ offset: 1, length: 63 })).toEqual({ code: 2, description: "internal error" });
    expect(await swarm.host.balance(accountKey.account)).toBeLessThan(before);
  });

  it.each<[bigint, string]>([
    [0n, "sector must not be empty"],
    [65n, "sector must be segment aligned"],
    [BigInt(SECTOR_BYTES) + 64n, "sector exceeds sector bounds"],
    [2n ** 64n - 64n, "sector exceeds sector bounds"],
  ])("a write of %d bytes", async (dataLength, words) => {
    await connected();
    expect(await writeOf(dataLength)).toEqual({ code: 3, description: `request invalid: ${words} (3)` });
  });

  it("a verification of a leaf that no sector has is refused", async () => {
    await connected();
    const refusal = { code: 3, description: "leaf index must be less than 65536 (3)" };
    expect(await verifyOf(BigInt(LEAVES_PER_SECTOR))).toEqual(refusal);
  });

  it("expired prices are refused before any other fault of a request", async () => {
    await swarm.host.setSwitches({ priceValidityMs: -1000 });
    await connected();
    await swarm.host.setSwitches({ priceValidityMs: 60_000 });
    const words = "prices are invalid: prices expired (3)";
    expect(await readOf({ length: 0 })).toEqual({ code: 3, description: `request invalid: ${words}` });
    expect(await writeOf(64n)).toEqual({ code: 3, description: `request invalid: ${words}` });
    expect(await verifyOf(0n)).toEqual({ code: 3, description: words });
  });

  it("prices that were changed after the host signed them are refused", async () => {
    await connected();
    const cheaper = { ...payment.prices, egressPrice: 0n };
    const words = "prices are invalid: invalid signature (3)";
    expect(await readOf({ prices: cheaper, length: 0 })).toEqual({
      code: 3,
      description: `request invalid: ${words}`,
    });
    expect(await writeOf(64n, { prices: cheaper })).toEqual({
      code: 3,
      description: `request invalid: ${words}`,
    });
    expect(await verifyOf(0n, { prices: cheaper })).toEqual({ code: 3, description: words });
  });

  it("a token for another host, an expired token and a token with a wrong signature are refused", async () => {
    await connected();
    const otherHost = parseHostKey("11".repeat(32));
    const foreign = createAccountToken(accountKey, otherHost, Date.now() + SOON_MS);
    const stale = tokenBy(accountKey, -2000);
    const forged = { ...tokenBy(accountKey), signature: new Uint8Array(64).fill(1) };
    const words = async (token: Payment["token"]) => (await readOf({ token, length: 0 })).description;
    expect(await words(foreign)).toBe("request invalid: token is invalid: host key mismatch (3)");
    expect(await words(stale)).toBe("request invalid: token is invalid: account token expired (3)");
    expect(await words(forged)).toBe("request invalid: token is invalid: invalid signature (3)");
    expect((await verifyOf(0n, { token: stale })).description).toBe(
      "token is invalid: account token expired (3)",
    );
  });

  it("a missing sector is refused free of charge, even without funds", async () => {
    await connected();
    const { root } = sectorOf("nowhere");
    const token = tokenBy(accountKeyFromSeed(createHash("sha256").update("penniless").digest()));
    expect(await readOf({ root, token })).toEqual({ code: 2, description: "sector not found" });
    expect(await readOf({ token })).toEqual({ code: 5, description: "not enough funds" });
  });

  it("a write without funds is refused after all the data was received", async () => {
    await connected();
    const token = tokenBy(accountKeyFromSeed(createHash("sha256").update("penniless").digest()));
    const before = await swarm.host.counters();
    const request = encodeWriteSectorRequest({ ...payment, token, dataLength: 128n });
    const call = callRaw(mux, "WriteSector", Buffer.concat([request, new Uint8Array(128)]));
    expect(await refusalOf(call)).toEqual({ code: 5, description: "not enough funds" });
    expect((await swarm.host.counters()).bytesWritten - before.bytesWritten).toBe(128);
  });

  it("an unknown RPC is refused, whatever bytes pad its name", async () => {
    await connected();
    const refusal = { code: 3, description: "unrecognized RPC" };
    expect(await refusalOf(callRaw(mux, "SectorRoots" as RpcName, new Uint8Array(8)))).toEqual(refusal);
    expect(await refusalOf(callRaw(mux, "Settings\0x" as RpcName, new Uint8Array(0)))).toEqual(refusal);
  });

  it("an unknown contract is refused", async () => {
    await connected();
    const call = latestRevision(mux.openStream(), parseContractId("99".repeat(32)));
    expect(await refusalOf(call)).toEqual({ code: 2, description: "contract not found" });
  });

  it("each refusal is counted", async () => {
    await connected();
    await swarm.host.resetCounters();
    await readOf({ length: 0 });
    await readOf({ root: sectorOf("nowhere").root });
    const { refusals, bytesRead, hastingsCharged } = await swarm.host.counters();
    expect(refusals).toEqual({
      "request invalid: length must be greater than 0 (3)": 1,
      "sector not found": 1,
    });
    expect({ bytesRead, hastingsCharged }).toEqual({ bytesRead: 0, hastingsCharged: 0n });
  });
});
