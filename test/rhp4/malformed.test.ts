import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as verify from "../../dev/rhp4/verify-sector.ts";
import * as balance from "../../lib/rhp4/account-balance.ts";
import {
  type AccountToken,
  checkAccountToken,
  createAccountToken,
  decodeAccountToken,
  encodeAccountToken,
} from "../../lib/rhp4/account-token.ts";
import { decodeFileContract, encodeFileContract } from "../../lib/rhp4/file-contract.ts";
import { decodeSpecifier, encodeSpecifier, encodeWireError, expectSuccess } from "../../lib/rhp4/framing.ts";
import { decodeHostPrices, encodeHostPrices, verifyHostPrices } from "../../lib/rhp4/host-prices.ts";
import * as revision from "../../lib/rhp4/latest-revision.ts";
import { type ByteSource, bytesInMemory } from "../../lib/rhp4/message-reader.ts";
import * as read from "../../lib/rhp4/read-sector.ts";
import { encodeSettingsResponse, readSettingsResponse } from "../../lib/rhp4/settings.ts";
import * as write from "../../lib/rhp4/write-sector.ts";
import { type ContractId, type HostKey, hexOf } from "../../lib/slab/ids.ts";
import { accountKey, contract, filled, hostKey, hostSettings, prices, root } from "./samples.ts";

const token = createAccountToken(accountKey, hostKey, 1_700_000_300_000);
const payment = { prices, token };
const proof = (hashes: number) => Array.from({ length: hashes }, (_, i) => filled(32, i));
const contractId = "ab".repeat(32) as ContractId;

const TYPED = /^(malformed-message|message-too-long|wrong-data-length|wrong-proof-length)$/;

async function codeOf(run: () => unknown): Promise<unknown> {
  try {
    await run();
    return "accepted";
  } catch (error) {
    return (error as { code?: unknown }).code ?? error;
  }
}

/** Messages of fixed size, which are decoded once all bytes are there. */
const FIXED: readonly (readonly [name: string, bytes: Uint8Array, decode: (bytes: Uint8Array) => unknown])[] =
  [
    ["prices", encodeHostPrices(prices), decodeHostPrices],
    ["token", encodeAccountToken(token), decodeAccountToken],
    ["contract", encodeFileContract(contract), decodeFileContract],
    [
      "AccountBalance request",
      balance.encodeAccountBalanceRequest(accountKey.account),
      balance.decodeAccountBalanceRequest,
    ],
    [
      "LatestRevision request",
      revision.encodeLatestRevisionRequest(contractId),
      revision.decodeLatestRevisionRequest,
    ],
    [
      "ReadSector request",
      read.encodeReadSectorRequest({ ...payment, root, offset: 64, length: 128 }),
      read.decodeReadSectorRequest,
    ],
    [
      "WriteSector request",
      write.encodeWriteSectorRequest({ ...payment, dataLength: 64n }),
      write.decodeWriteSectorRequest,
    ],
    [
      "VerifySector request",
      verify.encodeVerifySectorRequest({ ...payment, root, leafIndex: 3n }),
      verify.decodeVerifySectorRequest,
    ],
    ["specifier", encodeSpecifier("LatestRevision"), decodeSpecifier],
  ];

/** Responses, which are read from a stream of unknown length. */
const STREAMED: readonly (readonly [
  name: string,
  bytes: Uint8Array,
  read: (source: ByteSource) => Promise<unknown>,
])[] = [
  ["Settings response", encodeSettingsResponse(hostSettings), readSettingsResponse],
  ["AccountBalance response", balance.encodeAccountBalanceResponse(7n), balance.readAccountBalanceResponse],
  [
    "LatestRevision response",
    revision.encodeLatestRevisionResponse({ contract, revisable: true, renewed: true }),
    revision.readLatestRevisionResponse,
  ],
  [
    "ReadSector response",
    read.encodeReadSectorResponseHead(proof(17), 128),
    (source) => read.readReadSectorResponseHead(source, { offset: 192, length: 128 }),
  ],
  ["WriteSector response", write.encodeWriteSectorResponse(root), write.readWriteSectorResponse],
  [
    "VerifySector response",
    verify.encodeVerifySectorResponse({ proof: proof(16), leaf: filled(64, 9) }),
    verify.readVerifySectorResponse,
  ],
];

describe("cut and lengthened", () => {
  test.each(FIXED)("%s", async (_name, bytes, decode) => {
    expect(await codeOf(() => decode(bytes))).toBe("accepted");
    for (let length = 0; length < bytes.length; length++) {
      expect(await codeOf(() => decode(bytes.slice(0, length))), `${length} bytes`).toBe("malformed-message");
    }
    expect(await codeOf(() => decode(Uint8Array.from([...bytes, 0])))).toBe("malformed-message");
  });

  test.each(STREAMED)("%s", async (_name, bytes, readIt) => {
    const source = bytesInMemory(bytes);
    expect(await codeOf(() => readIt(source))).toBe("accepted");
    expect(source.bytesLeft()).toBe(0);
    for (let length = 0; length < bytes.length; length++) {
      expect(await codeOf(() => readIt(bytesInMemory(bytes.slice(0, length)))), `${length} bytes`).toBe(
        "malformed-message",
      );
    }
  });

  test("an error response cut short at any byte is a malformed message", async () => {
    const bytes = encodeWireError({ code: 2, description: "sector not found" });
    expect(await codeOf(() => expectSuccess(bytesInMemory(bytes)))).toBe("sector-not-found");
    for (let length = 0; length < bytes.length; length++) {
      expect(await codeOf(() => expectSuccess(bytesInMemory(bytes.slice(0, length))))).toBe(
        "malformed-message",
      );
    }
  });
});

describe("fields that have forbidden values", () => {
  const changed = (bytes: Uint8Array, offset: number, patch: readonly number[]) => {
    const copy = bytes.slice();
    copy.set(patch, offset);
    return copy;
  };
  const ONES = Array<number>(8).fill(0xff);
  const at = (name: string) => STREAMED.find((entry) => entry[0] === name)!;
  const releaseBytes = Buffer.from(hostSettings.release).length;

  test.each([
    ["the status byte", "WriteSector response", 0, [2], "malformed-message"],
    ["a release of 2^64-1 bytes", "Settings response", 4, ONES, "message-too-long"],
    [
      "a release longer than any message",
      "Settings response",
      4,
      [0, 0x28, 0, 0, 0, 0, 0, 0],
      "message-too-long",
    ],
    ["a release one byte too long", "Settings response", 4, [releaseBytes + 1], "malformed-message"],
    ["acceptingContracts", "Settings response", 12 + releaseBytes + 32, [2], "malformed-message"],
    ["revisable", "LatestRevision response", 1 + 392, [7], "malformed-message"],
    ["renewed", "LatestRevision response", 1 + 393, [255], "malformed-message"],
    ["a proof of 2^64-1 hashes", "ReadSector response", 1, ONES, "message-too-long"],
    ["a proof of one hash more", "ReadSector response", 1, [18], "wrong-proof-length"],
    ["a proof of one hash less", "ReadSector response", 1, [16], "wrong-proof-length"],
    ["2^64-1 bytes of data", "ReadSector response", 1 + 8 + 17 * 32, ONES, "wrong-data-length"],
    ["64 bytes less of data", "ReadSector response", 1 + 8 + 17 * 32, [64], "wrong-data-length"],
    ["a proof of 2^32 hashes", "VerifySector response", 1, [0, 0, 0, 0, 1], "message-too-long"],
    ["a proof of 15 hashes", "VerifySector response", 1, [15], "wrong-proof-length"],
  ] as const)("%s", async (_what, name, offset, patch, code) => {
    const [, bytes, readIt] = at(name);
    expect(await codeOf(() => readIt(bytesInMemory(changed(bytes, offset, patch))))).toBe(code);
  });

  test("an error description longer than the limit is a malformed message", async () => {
    const bytes = Uint8Array.from([1, 2, 0xf8, 0x03, 0, 0, 0, 0, 0, 0, ...filled(1016, 0x61)]);
    expect(await codeOf(() => expectSuccess(bytesInMemory(bytes)))).toBe("message-too-long");
    const longest = Uint8Array.from([1, 2, 0xf7, 0x03, 0, 0, 0, 0, 0, 0, ...filled(1015, 0x61)]);
    expect(await codeOf(() => expectSuccess(bytesInMemory(longest)))).toBe("host-error");
  });

  test("a specifier with bytes behind its end is a malformed message", async () => {
    const bytes = encodeSpecifier("Settings");
    bytes[15] = 1;
    expect(await codeOf(() => decodeSpecifier(bytes))).toBe("malformed-message");
  });
});

describe("a change of any bit of a signed structure is detected", () => {
  const flipped = (bytes: Uint8Array, bit: number) => {
    const copy = bytes.slice();
    copy[bit >> 3]! ^= 1 << (bit & 7);
    return copy;
  };

  test("prices with any changed byte do not verify", async () => {
    const bytes = encodeHostPrices(prices);
    verifyHostPrices(decodeHostPrices(bytes), hostKey, 1_699_999_999_999);
    for (let i = 0; i < bytes.length; i++) {
      const changed = decodeHostPrices(flipped(bytes, i * 8 + (i % 8)));
      expect(await codeOf(() => verifyHostPrices(changed, hostKey, 1_699_999_999_999)), `byte ${i}`).toBe(
        "bad-price-signature",
      );
    }
    const otherHost = hexOf(accountKey.account) as HostKey;
    expect(await codeOf(() => verifyHostPrices(prices, otherHost, 0))).toBe("bad-price-signature");
    expect(await codeOf(() => verifyHostPrices(prices, "00".repeat(32) as HostKey, 0))).toBe(
      "bad-price-signature",
    );
    expect(await codeOf(() => verifyHostPrices(prices, hostKey, 1_700_000_000_000))).toBe(
      "price-table-expired",
    );
  });

  test("a token with any byte changed is refused", () => {
    const bytes = encodeAccountToken(token);
    const verdictOf = (changed: AccountToken) => checkAccountToken(changed, hostKey, 0);
    expect(verdictOf(decodeAccountToken(bytes))).toBe("valid");
    for (let i = 0; i < bytes.length; i++) {
      const changed = decodeAccountToken(flipped(bytes, i * 8 + (i % 8)));
      // Byte 71 has the highest bit of the time, which hosts read as its sign: if it is flipped, the time is before
      // 1970.
      const expected =
        i < 32 ? "host key mismatch" : i === 71 ? "account token expired" : "invalid signature";
      expect(verdictOf(changed), `byte ${i}`).toBe(expected);
    }
  });
});

test("any bytes are read as a response or refused with a typed error", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...STREAMED),
      fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 6 }),
      fc.nat(1000),
      async ([, bytes, readIt], patches, cut) => {
        const changed = bytes.slice(0, Math.max(1, bytes.length - (cut % 7)));
        for (const [offset, value] of patches) changed[offset % changed.length] = value;
        const code = await codeOf(() => readIt(bytesInMemory(changed)));
        // After a first byte of 1 the rest is read as an error response, whose text may be anything.
        if (changed[0] === 1) expect(code).not.toBe("accepted");
        else expect(code === "accepted" || TYPED.test(String(code)), String(code)).toBe(true);
      },
    ),
  );
});

test("prices and contracts survive encoding and decoding", () => {
  const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const currency = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n });
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const anyPrices = fc.record({
    contractPrice: currency,
    collateral: currency,
    storagePrice: currency,
    ingressPrice: currency,
    egressPrice: currency,
    freeSectorPrice: currency,
    tipHeight: u64,
    validUntilSeconds: u64,
    signature: bytes(64),
  });
  fc.assert(
    fc.property(anyPrices, (value) => {
      expect(decodeHostPrices(encodeHostPrices(value))).toEqual(value);
    }),
  );
  const output = fc.record({ value: currency, address: bytes(32) });
  const anyContract = fc.record({
    capacityBytes: u64,
    filesizeBytes: u64,
    fileMerkleRoot: bytes(32),
    proofHeight: u64,
    expirationHeight: u64,
    renterOutput: output,
    hostOutput: output,
    missedHostValue: currency,
    totalCollateral: currency,
    renterPublicKey: bytes(32),
    hostPublicKey: bytes(32),
    revisionNumber: u64,
    renterSignature: bytes(64),
    hostSignature: bytes(64),
  });
  fc.assert(
    fc.property(anyContract, (value) => {
      expect(decodeFileContract(encodeFileContract(value))).toEqual(value);
    }),
  );
});
