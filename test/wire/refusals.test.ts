import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeVerifySectorRequest } from "../../dev/rhp4/verify-sector.ts";
import { accountKeyFromSeed } from "../../lib/keys/account-key.ts";
import { accountBalance } from "../../lib/rhp4/account-balance.ts";
import { accountTokenSighash, createAccountToken } from "../../lib/rhp4/account-token.ts";
import { readSectorCost, verifySectorCost, writeSectorCost } from "../../lib/rhp4/costs.ts";
import { Encoder } from "../../lib/rhp4/encoding.ts";
import type { HostPrices } from "../../lib/rhp4/host-prices.ts";
import { encodeLatestRevisionRequest } from "../../lib/rhp4/latest-revision.ts";
import { encodePayment, PAYMENT_BYTES, type Payment } from "../../lib/rhp4/payment.ts";
import { settings } from "../../lib/rhp4/settings.ts";
import { encodeWriteSectorRequest, writeSector } from "../../lib/rhp4/write-sector.ts";
import { parseContractId, parseHostKey, parseRoot, type Root } from "../../lib/slab/ids.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { WireClient } from "./wire-client.ts";
import { type Trait, type WireHost, type WireHosts, wirePeers } from "./wire-hosts.ts";

/**
 * Every refusal of docs/protocol.md#rhp4-errors with the host's exact text and code. The hosts are our own, or those
 * that an environment variable names (wire-hosts.ts). Our own hosts, the swarm, must refuse exactly like real hosts.
 */

const MAX_U64 = 2n ** 64n - 1n;
const UNKNOWN_ROOT = parseRoot("ee".repeat(32));
const stranger = accountKeyFromSeed(new Uint8Array(32).fill(0x77));

/** A ReadSector request with any u64 as range; our own encoder accepts only valid ranges. */
function readRequest(payment: Payment, root: Root, offset: bigint, length: bigint): Uint8Array {
  return new Encoder(PAYMENT_BYTES + 48)
    .fixed(encodePayment(payment), PAYMENT_BYTES)
    .id(root)
    .u64(offset)
    .u64(length)
    .finish();
}

/** Flaws of a payment, each with the text of the host's error, in the order in which the host checks for them. */
const PAYMENT_FLAWS: readonly (readonly [
  what: string,
  words: string,
  spoil: (
    payment: Payment,
    sign: (token: Omit<Payment["token"], "signature">) => Payment["token"],
  ) => Payment,
])[] = [
  [
    "expired prices",
    "prices are invalid: prices expired (3)",
    (payment) => withPrices(payment, { validUntilSeconds: nowSeconds() - 1n }),
  ],
  [
    "prices that expire now",
    "prices are invalid: prices expired (3)",
    (payment) => withPrices(payment, { validUntilSeconds: nowSeconds() }),
  ],
  [
    "prices of 1970",
    "prices are invalid: prices expired (3)",
    (payment) => withPrices(payment, { validUntilSeconds: 0n }),
  ],
  [
    "prices past the range of a signed time",
    "prices are invalid: prices expired (3)",
    (payment) => withPrices(payment, { validUntilSeconds: MAX_U64 }),
  ],
  [
    "changed prices",
    "prices are invalid: invalid signature (3)",
    (payment) => withPrices(payment, { egressPrice: 0n }),
  ],
  [
    "prices of the far future",
    "prices are invalid: invalid signature (3)",
    (payment) => withPrices(payment, { validUntilSeconds: 2n ** 40n }),
  ],
  [
    "changed prices before a bad token",
    "prices are invalid: invalid signature (3)",
    (payment) => ({
      ...withPrices(payment, { egressPrice: 0n }),
      token: { ...payment.token, signature: new Uint8Array(64) },
    }),
  ],
  [
    "a token for another host",
    "token is invalid: host key mismatch (3)",
    (payment, sign) => ({
      ...payment,
      token: sign({ ...payment.token, hostKey: parseHostKey("01".repeat(32)) }),
    }),
  ],
  [
    "an expired token for another host",
    "token is invalid: host key mismatch (3)",
    (payment, sign) => ({
      ...payment,
      token: sign({ ...payment.token, hostKey: parseHostKey("01".repeat(32)), validUntilSeconds: 1n }),
    }),
  ],
  [
    "an expired token",
    "token is invalid: account token expired (3)",
    (payment, sign) => ({
      ...payment,
      token: sign({ ...payment.token, validUntilSeconds: nowSeconds() - 2n }),
    }),
  ],
  [
    "a token that has just expired",
    "token is invalid: account token expired (3)",
    (payment, sign) => ({ ...payment, token: sign({ ...payment.token, validUntilSeconds: nowSeconds() }) }),
  ],
  [
    "a token past the range of a signed time",
    "token is invalid: account token expired (3)",
    (payment, sign) => ({ ...payment, token: sign({ ...payment.token, validUntilSeconds: MAX_U64 }) }),
  ],
  [
    "an expired token with a bad signature",
    "token is invalid: account token expired (3)",
    (payment) => ({ ...payment, token: { ...payment.token, validUntilSeconds: 1n } }),
  ],
  [
    "a changed token",
    "token is invalid: invalid signature (3)",
    (payment) => ({
      ...payment,
      token: { ...payment.token, validUntilSeconds: payment.token.validUntilSeconds + 1n },
    }),
  ],
  [
    "a token of another account",
    "token is invalid: invalid signature (3)",
    (payment) => ({ ...payment, token: { ...payment.token, account: stranger.account } }),
  ],
  [
    "a token of an account that is not a point on the curve",
    "token is invalid: invalid signature (3)",
    (payment) => ({ ...payment, token: { ...payment.token, account: new Uint8Array(32).fill(0xff) } }),
  ],
];

const nowSeconds = () => BigInt(Math.floor(Date.now() / 1000));
const withPrices = (payment: Payment, change: Partial<HostPrices>): Payment => ({
  ...payment,
  prices: { ...payment.prices, ...change },
});

/** Waits for the start of a second, so that `nowSeconds` does not change between request and check. */
async function earlyInASecond(): Promise<void> {
  const intoSecond = Date.now() % 1000;
  if (intoSecond < 100 || intoSecond > 600)
    await new Promise((resolve) => setTimeout(resolve, 1150 - intoSecond));
}

describe.each(wirePeers(process.env))("$peers", ({ start }) => {
  let all: WireHosts;
  beforeAll(async () => {
    all = await start();
  });
  afterAll(() => all?.stop());

  const testHost = (name: string, trait: Trait, run: (client: WireClient, host: WireHost) => Promise<void>) =>
    test(name, async (context) => {
      const host = all.hosts.find((candidate) => candidate.trait === trait);
      if (host === undefined) return context.skip(`no ${trait} host in the list`);
      await using client = await WireClient.dial(host, all.account);
      await run(client, host);
      // The connection is still usable after each refusal.
      expect(client.mux.isClosed).toBe(false);
    });

  const charged = async (client: WireClient, run: () => Promise<unknown>): Promise<bigint> => {
    const before = await accountBalance(client.mux.openStream(), all.account.account);
    await run();
    return before - (await accountBalance(client.mux.openStream(), all.account.account));
  };

  const sign = (token: Omit<Payment["token"], "signature">): Payment["token"] => ({
    ...token,
    signature: all.account.sign(accountTokenSighash(token)),
  });

  describe.each(PAYMENT_FLAWS)("%s", (_what, words, spoil) => {
    const spoiled = async (client: WireClient): Promise<Payment> => {
      const payment = await client.payment();
      await earlyInASecond();
      return spoil(payment, sign);
    };
    testHost("are refused for a read", "ordinary", async (client) => {
      const request = readRequest(await spoiled(client), UNKNOWN_ROOT, 0n, 0n);
      expect(await client.refusalOf("ReadSector", request)).toEqual({
        code: 3,
        description: `request invalid: ${words}`,
      });
    });
    testHost("are refused for a write, before its data", "ordinary", async (client) => {
      const request = encodeWriteSectorRequest({ ...(await spoiled(client)), dataLength: 0n });
      expect(await client.refusalOf("WriteSector", request)).toEqual({
        code: 3,
        description: `request invalid: ${words}`,
      });
    });
    testHost("are refused for a verification", "ordinary", async (client) => {
      const request = encodeVerifySectorRequest({
        ...(await spoiled(client)),
        root: UNKNOWN_ROOT,
        leafIndex: MAX_U64,
      });
      expect(await client.refusalOf("VerifySector", request)).toEqual({ code: 3, description: words });
    });
  });

  const sectorBytes = BigInt(SECTOR_BYTES);
  const BAD_RANGES: readonly (readonly [offset: bigint, length: bigint, words: string])[] = [
    [0n, 0n, "length must be greater than 0"],
    [MAX_U64, 0n, "length must be greater than 0"],
    [sectorBytes, 64n, "read request exceeds sector bounds"],
    [sectorBytes + 64n, 64n, "read request exceeds sector bounds"],
    [64n, sectorBytes, "read request exceeds sector bounds"],
    [0n, sectorBytes + 64n, "read request exceeds sector bounds"],
    [MAX_U64 - 63n, 64n, "read request exceeds sector bounds"],
    [64n, MAX_U64 - 63n, "read request exceeds sector bounds"],
    [MAX_U64, MAX_U64, "read request exceeds sector bounds"],
    [0n, 1n, "read request must be segment aligned"],
    [64n, 63n, "read request must be segment aligned"],
    [1n, 64n, "read request must be segment aligned"],
  ];
  describe.each(BAD_RANGES)("a read of offset %i length %i", (offset, length, words) => {
    testHost("is refused for free", "ordinary", async (client) => {
      const payment = await client.payment();
      const cost = await charged(client, async () => {
        expect(
          await client.refusalOf("ReadSector", readRequest(payment, UNKNOWN_ROOT, offset, length)),
        ).toEqual({ code: 3, description: `request invalid: ${words} (3)` });
      });
      expect(cost).toBe(0n);
    });
  });

  describe.each([
    [0n, "sector must not be empty"],
    [1n, "sector must be segment aligned"],
    [sectorBytes + 1n, "sector must be segment aligned"],
    [sectorBytes + 64n, "sector exceeds sector bounds"],
    [MAX_U64 - 63n, "sector exceeds sector bounds"],
  ])("a write of %i bytes", (dataLength, words) => {
    testHost("is refused", "ordinary", async (client) => {
      const request = encodeWriteSectorRequest({ ...(await client.payment()), dataLength });
      expect(await client.refusalOf("WriteSector", request)).toEqual({
        code: 3,
        description: `request invalid: ${words} (3)`,
      });
    });
  });

  testHost("a leaf beyond the sector is refused", "ordinary", async (client) => {
    for (const leafIndex of [65_536n, MAX_U64]) {
      const request = encodeVerifySectorRequest({
        ...(await client.payment()),
        root: UNKNOWN_ROOT,
        leafIndex,
      });
      expect(await client.refusalOf("VerifySector", request)).toEqual({
        code: 3,
        description: "leaf index must be less than 65536 (3)",
      });
    }
  });

  const NOT_FOUND = { code: 2, description: "sector not found" };
  testHost("a sector that is not there costs nothing, even without money", "ordinary", async (client) => {
    for (const payment of [await client.payment(), await client.payment(stranger)]) {
      const cost = await charged(client, async () => {
        expect(await client.refusalOf("ReadSector", readRequest(payment, UNKNOWN_ROOT, 0n, 64n))).toEqual(
          NOT_FOUND,
        );
        expect(await client.refusalOf("ReadSector", readRequest(payment, UNKNOWN_ROOT, 32n, 32n))).toEqual(
          NOT_FOUND,
        );
        const request = encodeVerifySectorRequest({ ...payment, root: UNKNOWN_ROOT, leafIndex: 0n });
        expect(await client.refusalOf("VerifySector", request)).toEqual(NOT_FOUND);
      });
      expect(cost).toBe(0n);
    }
  });

  testHost("a corrupt sector is found out after the debit", "ordinary", async (client, host) => {
    if (host.corruptRoot === undefined) return;
    const payment = await client.payment();
    const root = host.corruptRoot;
    const corrupt = { code: 2, description: "sector corrupt" };
    const cost = await charged(client, async () => {
      expect(await client.refusalOf("ReadSector", readRequest(payment, root, 0n, 128n))).toEqual(corrupt);
      const request = encodeVerifySectorRequest({ ...payment, root, leafIndex: 0n });
      expect(await client.refusalOf("VerifySector", request)).toEqual(corrupt);
    });
    expect(cost).toBe(readSectorCost(payment.prices, 128) + verifySectorCost(payment.prices));
  });

  testHost(
    "a range that begins inside a leaf but ends at a leaf's end is paid for and fails: internal error",
    "ordinary",
    async (client) => {
      const payment = await client.payment();
      const data = new Uint8Array(64).fill(9);
      const { root } = await writeSector(client.mux.openStream(), payment, data);
      const cost = await charged(client, async () => {
        expect(await client.refusalOf("ReadSector", readRequest(payment, root, 32n, 32n))).toEqual({
          code: 2,
          description: "internal error",
        });
      });
      expect(cost).toBe(readSectorCost(payment.prices, 32));
    },
  );

  testHost("an account without money gets nothing", "ordinary", async (client) => {
    const payment = await client.payment(stranger);
    const broke = { code: 5, description: "not enough funds" };
    const data = new Uint8Array(64).fill(3);
    const { root } = await writeSector(client.mux.openStream(), await client.payment(), data);
    expect(await client.refusalOf("ReadSector", readRequest(payment, root, 0n, 64n))).toEqual(broke);
    expect(
      await client.refusalOf("VerifySector", encodeVerifySectorRequest({ ...payment, root, leafIndex: 1n })),
    ).toEqual(broke);
    const request = encodeWriteSectorRequest({ ...payment, dataLength: 64n });
    expect(await client.refusalOf("WriteSector", request, data)).toEqual(broke);
    expect(await accountBalance(client.mux.openStream(), stranger.account)).toBe(0n);
  });

  testHost("a contract that the host does not have is refused", "ordinary", async (client) => {
    // hostd answers "contract not found", the reference implementation's test host "internal error": both are valid.
    const unknown = encodeLatestRevisionRequest(parseContractId("0d".repeat(32)));
    const { code, description } = await client.refusalOf("LatestRevision", unknown);
    expect(code).toBe(2);
    expect(["contract not found", "internal error"]).toContain(description);
  });

  testHost("an RPC that does not exist is refused", "ordinary", async (client) => {
    const unrecognized = { code: 3, description: "unrecognized RPC" };
    for (const name of ["NoSuchThing", "settings", "", "ReadSector\u0001"]) {
      const specifier = new Uint8Array(16);
      specifier.set(Buffer.from(name, "latin1"));
      expect(await client.refusalOfBytes(specifier)).toEqual(unrecognized);
    }
  });

  testHost("a full host says so after the debit", "full", async (client) => {
    const payment = await client.payment();
    const data = new Uint8Array(SECTOR_BYTES).fill(8);
    const cost = await charged(client, async () => {
      const request = encodeWriteSectorRequest({ ...payment, dataLength: BigInt(SECTOR_BYTES) });
      expect(await client.refusalOf("WriteSector", request, data)).toEqual({
        code: 2,
        description: "not enough storage",
      });
    });
    expect(cost).toBe(writeSectorCost(payment.prices, SECTOR_BYTES));
  });

  testHost("a host that shuts down answers every RPC so", "shutting-down", async (client) => {
    const shuttingDown = { code: 2, description: "host is shutting down" };
    await expect(settings(client.mux.openStream())).rejects.toMatchObject({ wire: shuttingDown });
    const token = createAccountToken(all.account, client.host.hostKey, Date.now() + 60_000);
    const prices = {
      contractPrice: 0n,
      collateral: 0n,
      storagePrice: 0n,
      ingressPrice: 0n,
      egressPrice: 0n,
      freeSectorPrice: 0n,
      tipHeight: 0n,
      validUntilSeconds: 0n,
      signature: new Uint8Array(64),
    };
    const data = new Uint8Array(SECTOR_BYTES);
    await expect(writeSector(client.mux.openStream(), { prices, token }, data)).rejects.toMatchObject({
      wire: shuttingDown,
    });
  });

  testHost(
    "a write stops when the host refuses its prices, and the connection can still be used",
    "ordinary",
    async (client) => {
      const payment = await client.payment();
      const data = new Uint8Array(SECTOR_BYTES).fill(5);
      const changed = withPrices(payment, { ingressPrice: 0n });
      for (let round = 0; round < 5; round++) {
        await expect(writeSector(client.mux.openStream(), changed, data)).rejects.toMatchObject({
          code: "prices-signature-refused",
        });
      }
      expect((await settings(client.mux.openStream())).prices.tipHeight).toBe(payment.prices.tipHeight);
    },
  );
});
