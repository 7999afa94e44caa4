import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPacketKernel, type PacketBatch } from "../../lib/kernel/packet-kernel.ts";
import { instantiate } from "../../lib/kernel/wasm-module.ts";
import { chacha20, chacha20Block, poly1305, seal } from "./chacha20-poly1305-reference.ts";
import { seededBytes } from "./seeded-bytes.ts";

const TAG_BYTES = 16;
const AREA_BYTES = 98_304;
const kernel = createPacketKernel({ incomingBytes: AREA_BYTES, batchBytes: AREA_BYTES });

const unhex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ""), "hex");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const SUNSCREEN =
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
const COUNTING_KEY = Uint8Array.from({ length: 32 }, (_, i) => i);

function nonceOf({ counter, sender }: Pick<PacketBatch, "counter" | "sender">, n = 0): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(BigInt.asUintN(64, counter + BigInt(n)));
  nonce.writeUInt32LE(sender, 8);
  return nonce;
}

function sealAll(batch: PacketBatch, texts: Uint8Array): Buffer {
  kernel.texts.set(texts);
  kernel.seal(batch);
  return Buffer.from(kernel.sealed.subarray(0, batch.count * batch.packetBytes));
}

describe("the reference", () => {
  // RFC 8439 section 2.3.2.
  it("makes the keystream block of the RFC", () => {
    expect(hex(chacha20Block(COUNTING_KEY, 1, unhex("000000090000004a00000000")))).toBe(
      "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e" +
        "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e",
    );
  });

  // RFC 8439 section 2.8.2, with additional data.
  it("seals the message of the RFC", () => {
    const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);
    const sealed = seal(
      key,
      unhex("070000004041424344454647"),
      Buffer.from(SUNSCREEN),
      unhex("50515253c0c1c2c3c4c5c6c7"),
    );
    expect(hex(sealed)).toBe(
      "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6" +
        "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36" +
        "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc" +
        "3ff4def08e4b7a9de576d26586cec64b6116" +
        "1ae10b594f09e26a7e902ecbd0600691",
    );
  });

  // RFC 8439 section 2.5.2.
  it("authenticates the message of the RFC", () => {
    const key = unhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b");
    const tag = poly1305(key, Buffer.from("Cryptographic Forum Research Group"));
    expect(hex(tag)).toBe("a8061dc1305136c6c22b8baf0c0127a9");
  });
});

describe("packet kernel", () => {
  // RFC 8439 section 2.4.2, whose keystream begins with block 1 like a packet's.
  it("enciphers the message of the RFC", () => {
    const text = Buffer.from(SUNSCREEN);
    const packetBytes = text.length + TAG_BYTES;
    const sealed = sealAll(
      { key: COUNTING_KEY, count: 1, packetBytes, counter: 0x4a00_0000_0000_0000n, sender: 0 },
      text,
    );
    expect(hex(sealed.subarray(0, text.length))).toBe(
      "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b" +
        "f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8" +
        "07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736" +
        "5af90bbf74a35be6b40b8eedf2785e42874d",
    );
  });

  // RFC 8439 appendix A.2, vector 2.
  it("enciphers the second vector of the RFC's appendix", () => {
    const key = new Uint8Array(32);
    key[31] = 1;
    const text = Buffer.from(
      "Any submission to the IETF intended by the Contributor for publication as all or part of an IETF Internet-Draft or RFC " +
        'and any statement made within the context of an IETF activity is considered an "IETF Contribution". Such statements include ' +
        "oral statements in IETF sessions, as well as written and electronic communications made at any time or place, which are addressed to",
    );
    const batch = {
      key,
      count: 1,
      packetBytes: text.length + TAG_BYTES,
      counter: 0n,
      sender: 0x0200_0000,
    };
    const sealed = sealAll(batch, text);
    expect(text.length).toBe(375);
    expect(hex(sealed.subarray(0, 32))).toBe(
      "a3fbf07df3fa2fde4f376ca23e82737041605d9f4f4f57bd8cff2c1d4b7955ec",
    );
    expect(hex(sealed.subarray(367, 375))).toBe("fdc4fd806c22f221");
  });

  // RFC 8439 appendix A.3, vectors 1 and 5 to 11: sums at the edges of the reduction modulo 2^130 - 5.
  it.each([
    ["all zero", "00".repeat(32), "00".repeat(64), "00".repeat(16)],
    ["2^130 - 5 + 2^128 wraps", "02".padEnd(64, "0"), "ff".repeat(16), "03".padEnd(32, "0")],
    [
      "s is added modulo 2^128",
      `${"02".padEnd(32, "0")}${"ff".repeat(16)}`,
      "02".padEnd(32, "0"),
      "03".padEnd(32, "0"),
    ],
    [
      "carries through every limb",
      "01".padEnd(64, "0"),
      `${"ff".repeat(16)}f0${"ff".repeat(15)}11${"00".repeat(15)}`,
      "05".padEnd(32, "0"),
    ],
    [
      "a sum of exactly the prime",
      "01".padEnd(64, "0"),
      `${"ff".repeat(16)}fb${"fe".repeat(15)}${"01".repeat(16)}`,
      "00".repeat(16),
    ],
    ["one below the prime", "02".padEnd(64, "0"), `fd${"ff".repeat(15)}`, `fa${"ff".repeat(15)}`],
    [
      "carries between products",
      "01000000000000000400000000000000".padEnd(64, "0"),
      `e33594d7505e43b900000000000000003394d7505e4379cd01${"00".repeat(23)}01${"00".repeat(15)}`,
      "14000000000000005500000000000000",
    ],
    [
      "carries between products, shorter",
      "01000000000000000400000000000000".padEnd(64, "0"),
      `e33594d7505e43b900000000000000003394d7505e4379cd01${"00".repeat(23)}`,
      "13".padEnd(32, "0"),
    ],
  ])("authenticates the RFC's vector: %s", (_name, keyHex, messageHex, tagHex) => {
    const [key, message] = [unhex(keyHex), unhex(messageHex)];
    expect(key.length).toBe(32);
    const { exports: wasm, buffer } = instantiate(2 * 1_048_576);
    const at = wasm.arenaAddress();
    const memory = Buffer.from(buffer);
    memory.set(key, at);
    memory.set(message, at + 64);
    wasm.authenticate(at, at + 64, message.length, at + 32);
    expect(hex(memory.subarray(at + 32, at + 48))).toBe(tagHex);
    expect(hex(poly1305(key, message))).toBe(tagHex);
  });

  const batches = fc.record({
    seed: fc.integer(),
    // All lengths around the strides of 256 bytes and the blocks of 16, and the lengths of real packets.
    packetBytes: fc.oneof(
      fc.integer({ min: 17, max: 600 }),
      fc.constantFrom(1220, 1221, 2880, 4200, 4320, 16_384, 32_768),
    ),
    count: fc.integer({ min: 1, max: 9 }),
    counter: fc.oneof(
      fc.bigInt({ min: 0n, max: 20n }),
      fc.bigInt({ min: 2n ** 32n - 6n, max: 2n ** 32n }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 10n }),
    ),
    sender: fc.constantFrom(0, 0x8000_0000, 0xffff_ffff),
  });

  it("encrypts and decrypts like the slow reference and @noble/ciphers", () => {
    fc.assert(
      fc.property(batches, ({ seed, packetBytes, count: wanted, counter, sender }) => {
        const count = Math.min(wanted, Math.floor(AREA_BYTES / packetBytes));
        const textBytes = packetBytes - TAG_BYTES;
        const key = seededBytes(seed, 32);
        const texts = seededBytes(seed + 1, count * textBytes);
        const batch = { key, count, packetBytes, counter, sender };
        const expected = Array.from({ length: count }, (_, n) => {
          const text = texts.subarray(n * textBytes, (n + 1) * textBytes);
          return Buffer.from(chacha20poly1305(key, nonceOf(batch, n)).encrypt(text));
        });
        expect(expected[0]!.equals(seal(key, nonceOf(batch), texts.subarray(0, textBytes)))).toBe(true);
        expect(sealAll(batch, texts).equals(Buffer.concat(expected))).toBe(true);

        const offset = (AREA_BYTES - count * packetBytes) >> 1;
        kernel.incoming.fill(0xa5);
        kernel.incoming.set(Buffer.concat(expected), offset);
        expect(kernel.open(offset, batch)).toBe(count);
        for (let n = 0; n < count; n++) {
          const at = offset + n * packetBytes;
          const opened = kernel.incoming.subarray(at, at + textBytes);
          expect(opened.equals(texts.subarray(n * textBytes, (n + 1) * textBytes))).toBe(true);
        }
        const before = kernel.incoming.subarray(0, offset);
        const behind = kernel.incoming.subarray(offset + count * packetBytes);
        expect(before.every((byte) => byte === 0xa5) && behind.every((byte) => byte === 0xa5)).toBe(true);
      }),
      { numRuns: 120 },
    );
  });

  it("decryption opens the packets before the first one with a changed bit, and stops there", () => {
    const packetBytes = 1220;
    const [count, bits] = [6, packetBytes * 8];
    const batch = { key: seededBytes(7, 32), count, packetBytes, counter: 3n, sender: 0 };
    const texts = seededBytes(8, count * (packetBytes - TAG_BYTES));
    const sealed = sealAll(batch, texts);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: count - 1 }),
        fc.oneof(fc.integer({ min: 0, max: bits - 1 }), fc.integer({ min: bits - 128, max: bits - 1 })),
        (bad, bit) => {
          kernel.incoming.set(sealed);
          kernel.incoming[bad * packetBytes + (bit >> 3)]! ^= 1 << (bit & 7);
          expect(kernel.open(0, batch)).toBe(bad);
          const opened = kernel.incoming.subarray(0, packetBytes - TAG_BYTES);
          if (bad > 0) expect(opened.equals(texts.subarray(0, packetBytes - TAG_BYTES))).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([
    ["another key", { key: new Uint8Array(32) }],
    ["another counter", { counter: 4n }],
    ["another sender", { sender: 0x8000_0000 }],
  ])("decrypts nothing with %s", (_name, change) => {
    const batch = { key: seededBytes(7, 32), count: 2, packetBytes: 100, counter: 3n, sender: 0 };
    kernel.incoming.set(sealAll(batch, seededBytes(8, 168)));
    expect(kernel.open(0, { ...batch, ...change })).toBe(0);
  });

  it.each([
    ["more than fit", 0, 24, 4320],
    ["an offset beyond them", AREA_BYTES - 99, 1, 100],
    ["nothing but a tag", 0, 1, 16],
  ])("refuses %s", (_name, offset, count, packetBytes) => {
    const batch = { key: new Uint8Array(32), count, packetBytes, counter: 0n, sender: 0 };
    const refusal = expect.objectContaining({ code: "bad-argument" });
    expect(() => kernel.open(offset, batch)).toThrow(refusal);
    if (offset === 0) expect(() => kernel.seal(batch)).toThrow(refusal);
  });

  it("enciphers like the slow reference at every distance from the end of a stride", () => {
    const key = seededBytes(1, 32);
    for (let textBytes = 1; textBytes <= 530; textBytes++) {
      const text = seededBytes(textBytes, textBytes);
      const batch = { key, count: 1, packetBytes: textBytes + TAG_BYTES, counter: 9n, sender: 1 };
      const sealed = sealAll(batch, text);
      expect(sealed.subarray(0, textBytes).equals(chacha20(key, 1, nonceOf(batch), text))).toBe(true);
    }
  });
});
