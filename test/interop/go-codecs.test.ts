/**
 * Random messages, price tables and tokens are exchanged between our codecs and Go's, in both directions. fast-check
 * prints the seed.
 */
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { hostIdentity } from "../../dev/swarm/host-identity.ts";
import { accountKeyFromSeed } from "../../lib/keys/account-key.ts";
import { type AccountToken, accountTokenSighash, checkAccountToken } from "../../lib/rhp4/account-token.ts";
import { encodeCall, encodeWireError } from "../../lib/rhp4/framing.ts";
import {
  type HostPrices,
  hostPricesSighash,
  signHostPrices,
  verifyHostPrices,
} from "../../lib/rhp4/host-prices.ts";
import type { HostSettings } from "../../lib/rhp4/host-settings.ts";
import type { ByteSource } from "../../lib/rhp4/message-reader.ts";
import {
  decodeReadSectorRequest,
  encodeReadSectorRequest,
  encodeReadSectorResponseHead,
  readReadSectorResponseHead,
} from "../../lib/rhp4/read-sector.ts";
import { encodeSettingsResponse, readSettingsResponse } from "../../lib/rhp4/settings.ts";
import {
  decodeWriteSectorRequest,
  encodeWriteSectorRequest,
  encodeWriteSectorResponse,
  readWriteSectorResponse,
} from "../../lib/rhp4/write-sector.ts";
import { hexOf, parseRoot, type Root } from "../../lib/slab/ids.ts";
import { LEAF_BYTES, LEAVES_PER_SECTOR } from "../../lib/slab/sizes.ts";
import {
  type Decoded,
  type Encoded,
  type GoCore,
  type GoPrices,
  type GoToken,
  startGoCore,
} from "./go/go-core.ts";

const RUNS = { numRuns: 200 };
const SPECIFIER_BYTES = 16;

let go: GoCore;
beforeAll(async () => {
  go = await startGoCore();
});

const host = hostIdentity("go", 0);
const seed = new Uint8Array(32).fill(0x5e);
const account = accountKeyFromSeed(seed);
const goAccountKey = hexOf(Buffer.concat([seed, account.account]));

const currency = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n });
/** Less than 2^53, because heights and lengths are passed to Go as JavaScript's numbers. */
const height = fc.bigInt({ min: 0n, max: 2n ** 53n - 1n });
/** Up to the end of the year 9999, the last year of RFC 3339. */
const seconds = fc.bigInt({ min: 0n, max: 253_402_300_799n });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const root = hash.map((bytes) => parseRoot(hexOf(bytes)));

const prices: fc.Arbitrary<HostPrices> = fc
  .record({
    contractPrice: currency,
    collateral: currency,
    storagePrice: currency,
    ingressPrice: currency,
    egressPrice: currency,
    freeSectorPrice: currency,
    tipHeight: height,
    validUntilSeconds: seconds,
  })
  .map((unsigned) => signHostPrices(unsigned, host.privateKey));
const token: fc.Arbitrary<AccountToken> = seconds.map((validUntilSeconds) => {
  const unsigned = { hostKey: host.hostKey, account: account.account, validUntilSeconds };
  return { ...unsigned, signature: account.sign(accountTokenSighash(unsigned)) };
});
const range = fc.tuple(fc.nat(LEAVES_PER_SECTOR - 1), fc.nat(LEAVES_PER_SECTOR - 1)).map(([one, other]) => ({
  offset: Math.min(one, other) * LEAF_BYTES,
  length: (Math.abs(one - other) + 1) * LEAF_BYTES,
}));
const TREE_HEIGHT = Math.log2(LEAVES_PER_SECTOR);
const proofOfLeaf = fc.array(hash, { minLength: TREE_HEIGHT, maxLength: TREE_HEIGHT });
const settings: fc.Arbitrary<HostSettings> = fc.record({
  protocolVersion: fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255)),
  release: fc.string({ unit: "grapheme", maxLength: 40 }),
  walletAddress: hash,
  acceptingContracts: fc.boolean(),
  maxCollateral: currency,
  maxContractDurationBlocks: height,
  remainingStorageSectors: height,
  totalStorageSectors: height,
  prices,
});

const timeText = (secondsOf: bigint): string =>
  new Date(Number(secondsOf) * 1_000).toISOString().replace(".000Z", "Z");
const goPrices = ({ signature, tipHeight, validUntilSeconds, ...amounts }: HostPrices): GoPrices => ({
  contractPrice: String(amounts.contractPrice),
  collateral: String(amounts.collateral),
  storagePrice: String(amounts.storagePrice),
  ingressPrice: String(amounts.ingressPrice),
  egressPrice: String(amounts.egressPrice),
  freeSectorPrice: String(amounts.freeSectorPrice),
  tipHeight: Number(tipHeight),
  validUntil: timeText(validUntilSeconds),
  signature: hexOf(signature),
});
const goToken = (of: AccountToken): GoToken => ({
  hostKey: `ed25519:${of.hostKey}`,
  account: `ed25519:${hexOf(of.account)}`,
  validUntil: timeText(of.validUntilSeconds),
  signature: hexOf(of.signature),
});

/** The bytes from Go. */
function bytesOf({ rpc, error }: Encoded): Uint8Array {
  if (rpc === undefined) throw new Error(`Go does not encode it: ${error}`);
  return rpc;
}

function dataOf<Data>({ data, error }: Decoded<Data>): Data {
  if (data === undefined) throw new Error(`Go does not decode it: ${error}`);
  return data;
}

/** @returns a source from which our readers read a complete response; reading beyond the response fails */
function sourceOf(bytes: Uint8Array): ByteSource & { readonly left: () => number } {
  let at = 0;
  return {
    async readExactly(length) {
      if (at + length > bytes.length) throw new Error("the message is too short");
      at += length;
      return bytes.slice(at - length, at);
    },
    left: () => bytes.length - at,
  };
}

test("ReadSector requests", () => {
  fc.assert(
    fc.property(prices, token, root, range, (ofHost, ofAccount, wanted, { offset, length }) => {
      const request = { prices: ofHost, token: ofAccount, root: wanted, offset, length };
      const goRequest = { prices: goPrices(ofHost), token: goToken(ofAccount), root: wanted, offset, length };
      const ours = encodeCall("ReadSector", encodeReadSectorRequest(request));
      expect(dataOf(go.rhp.decodeReadSectorRequest(Uint8Array.from(ours)))).toEqual(goRequest);
      const theirs = bytesOf(go.rhp.encodeReadSectorRequest(goRequest));
      expect(hexOf(theirs)).toBe(hexOf(ours));
      expect(decodeReadSectorRequest(theirs.subarray(SPECIFIER_BYTES))).toEqual(request);
    }),
    RUNS,
  );
});

test("WriteSector requests", () => {
  fc.assert(
    fc.property(prices, token, height, (ofHost, ofAccount, dataLength) => {
      const request = { prices: ofHost, token: ofAccount, dataLength };
      const goRequest = {
        prices: goPrices(ofHost),
        token: goToken(ofAccount),
        dataLength: Number(dataLength),
      };
      const ours = encodeCall("WriteSector", encodeWriteSectorRequest(request));
      expect(dataOf(go.rhp.decodeWriteSectorRequest(Uint8Array.from(ours)))).toEqual(goRequest);
      const theirs = bytesOf(go.rhp.encodeWriteSectorRequest(goRequest));
      expect(hexOf(theirs)).toBe(hexOf(ours));
      expect(decodeWriteSectorRequest(theirs.subarray(SPECIFIER_BYTES))).toEqual(request);
    }),
    RUNS,
  );
});

test("we and Go encode and decode the head of a ReadSector response alike", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(LEAVES_PER_SECTOR - 1), proofOfLeaf, async (leaf, proof) => {
      const ours = encodeReadSectorResponseHead(proof, LEAF_BYTES);
      const goResponse = { proof: proof.map(hexOf), dataLength: LEAF_BYTES };
      expect(dataOf(go.rhp.decodeReadSectorResponse(Uint8Array.from(ours)))).toEqual(goResponse);
      const theirs = bytesOf(go.rhp.encodeReadSectorResponse(goResponse));
      expect(hexOf(theirs)).toBe(hexOf(ours));
      const source = sourceOf(theirs);
      const range = { offset: leaf * LEAF_BYTES, length: LEAF_BYTES };
      const read = await readReadSectorResponseHead(source, range);
      expect({ read, left: source.left() }).toEqual({ read: proof, left: 0 });
    }),
    RUNS,
  );
});

test("WriteSector responses", async () => {
  await fc.assert(
    fc.asyncProperty(root, async (written: Root) => {
      const ours = encodeWriteSectorResponse(written);
      expect(dataOf(go.rhp.decodeWriteSectorResponse(Uint8Array.from(ours)))).toEqual({ root: written });
      const theirs = bytesOf(go.rhp.encodeWriteSectorResponse({ root: written }));
      expect(await readWriteSectorResponse(sourceOf(theirs))).toBe(written);
    }),
    RUNS,
  );
});

test("we and Go encode and decode Settings responses alike, with a release name in any alphabet", async () => {
  await fc.assert(
    fc.asyncProperty(settings, async (ours) => {
      const bytes = encodeSettingsResponse(ours);
      const { settings: decoded } = dataOf(go.rhp.decodeSettingsResponse(Uint8Array.from(bytes)));
      const { walletAddress, ...others } = decoded;
      expect(others).toEqual({
        protocolVersion: `v${ours.protocolVersion.join(".")}`,
        release: ours.release,
        acceptingContracts: ours.acceptingContracts,
        maxCollateral: String(ours.maxCollateral),
        maxContractDuration: Number(ours.maxContractDurationBlocks),
        remainingStorage: Number(ours.remainingStorageSectors),
        totalStorage: Number(ours.totalStorageSectors),
        prices: goPrices(ours.prices),
      });
      // Go appends a checksum to the address.
      expect(walletAddress.slice(0, 64)).toBe(hexOf(ours.walletAddress));
      const theirs = bytesOf(go.rhp.encodeSettingsResponse({ settings: decoded }));
      expect(await readSettingsResponse(sourceOf(theirs))).toEqual(ours);
    }),
    RUNS,
  );
});

test("Go decodes our refusals and formats them as text", () => {
  fc.assert(
    fc.property(fc.nat(255), fc.string({ unit: "grapheme", maxLength: 200 }), (code, description) => {
      const bytes = Uint8Array.from(encodeWireError({ code, description }));
      expect(go.rhp.decodeReadSectorResponse(bytes)).toEqual({ error: `${description} (${code})` });
    }),
    RUNS,
  );
});

test("Go signs tokens with the same result as we do, and we accept price tables that Go signed", () => {
  fc.assert(
    fc.property(prices, token, (ofHost, ofAccount) => {
      const sign = (message: Uint8Array) => go.wallet.signHash(goAccountKey, hexOf(message)).signature;
      expect(sign(accountTokenSighash(ofAccount))).toBe(hexOf(ofAccount.signature));
      expect(checkAccountToken(ofAccount, host.hostKey, 0)).toBe("valid");
      const byGo = {
        ...ofHost,
        signature: Uint8Array.from(Buffer.from(sign(hostPricesSighash(ofHost)), "hex")),
      };
      // Go has signed the prices with the account's key, so they are verified with this key instead of the host's key.
      const signer = parseRoot(hexOf(account.account)) as unknown as typeof host.hostKey;
      expect(() => verifyHostPrices(byGo, signer, -1)).not.toThrow();
    }),
    RUNS,
  );
});
