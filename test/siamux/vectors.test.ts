import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { encodeSettings } from "../../lib/siamux/connection-settings.ts";
import { acceptMux, dialMux } from "../../lib/siamux/establish-mux.ts";
import { encodeFrameHeader } from "../../lib/siamux/frame.ts";
import { packetKey } from "../../lib/siamux/handshake.ts";
import { oneTimeKey } from "../../lib/siamux/one-time-key.ts";
import { PacketCipher } from "../../lib/siamux/packet-cipher.ts";
import { FLAG_FIRST } from "../../lib/siamux/wire-format.ts";
import { HOST_KEY, hostIdentity, nextStream } from "./join.ts";
import { memoryPair } from "./memory-pair.ts";
import { ReferenceDirection } from "./reference.ts";

// Inputs, each of 32 equal bytes: 0x22 in the seed of the host's identity, 0x01 in the dialer's private X25519 key, and
// 0x02 in the host's.
const HOST_PUBLIC = "a09aa5f47a6759802ff955f8dc2d2a14a5c99d23be97f864127ff9383455a4f0";
const XD = "a4e09292b651c278b9772c569f5fa9bb13d906b46ab68c9df9dc2b4409f8a209";
const XH = "ce8d3ad1ccb633ec7b70c17814a5c76ecd029685050d344745ba05870e587d59";
const SIGNATURE =
  "d5d194566bebfacaeb6a9b126c12dc8e5abb51fdd9c6370cf48e023c42388321" +
  "f88f62547b0607fec5bc619cdce2e55ca5b4ebb3576e73079a5d804aa2d16409";
const SECRET = "2ed76ab549b1e73c031eb49c9448f0798aea81b698279a0c3dc3e49fbfc4b953";
const KEY = "aed23a79205772234ac29a04bdaf79b4384eec870dc9b4453e09f08e3338851a";
const SETTINGS = "e0100000804f1200";
const HOST_SETTINGS = "860bc7ecde1dd64fbe31793ffe5108ede85fedb42ed4b101";
const DIALER_SETTINGS = "f7ebc7f275b662fc7d59951bd5205703cf38ad13239efc27";
const FIRST_FRAME = "010200001000010053657474696e67730000000000000000";

const privateOf = (value: number) => new Uint8Array(32).fill(value);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const unhex = (text: string) => Buffer.from(text, "hex");

test("one-time keys, secret and packet key match the vectors", () => {
  const dialer = oneTimeKey(privateOf(1));
  const host = oneTimeKey(privateOf(2));
  expect(hex(dialer.publicBytes)).toBe(XD);
  expect(hex(host.publicBytes)).toBe(XH);
  expect(hex(dialer.secretWith(host.publicBytes))).toBe(SECRET);
  expect(hex(host.secretWith(dialer.publicBytes))).toBe(SECRET);
  expect(hex(packetKey(unhex(SECRET), dialer.publicBytes, host.publicBytes))).toBe(KEY);
});

test("settings match the vectors, plain and sealed with the first nonce of each direction", () => {
  const plain = encodeSettings({ packetSizeBytes: 4320, maxTimeoutMs: 1_200_000 });
  expect(hex(plain)).toBe(SETTINGS);
  for (const [role, sealedHex] of [
    ["acceptor", HOST_SETTINGS],
    ["dialer", DIALER_SETTINGS],
  ] as const) {
    expect(hex(new PacketCipher(unhex(KEY), role).sealMessage(plain))).toBe(sealedHex);
  }
});

test.each([
  ["dialer", "010000000000000000000000"],
  ["acceptor", "010000000000000000000080"],
] as const)("the second nonce of the %s is the first plus one", (role, nonceHex) => {
  const cipher = new PacketCipher(unhex(KEY), role);
  cipher.sealMessage(unhex(SETTINGS));
  const second = cipher.sealMessage(unhex(SETTINGS));
  const reference = new ReferenceDirection(unhex(KEY), role);
  reference.seal(unhex(SETTINGS));
  expect(hex(second)).toBe(hex(reference.seal(unhex(SETTINGS))));
  expect(hex(reference.lastNonce)).toBe(nonceHex);
});

test("the header of the first dialer frame matches the vector", () => {
  const header = Buffer.alloc(8);
  encodeFrameHeader(header, 0, { id: 256, payloadBytes: 16, flags: FLAG_FIRST });
  expect(hex(header)).toBe(FIRST_FRAME.slice(0, 16));
});

test("every byte sent by both sides matches the vectors", async () => {
  const [dialerEnd, hostEnd] = memoryPair();
  const [client, host] = await Promise.all([
    dialMux(dialerEnd, HOST_KEY, { randomBytes: () => privateOf(1) }),
    acceptMux(hostEnd, hostIdentity(), { randomBytes: () => privateOf(2) }),
  ]);
  const accepted = nextStream(host);
  const specifier = Buffer.alloc(16);
  specifier.write("Settings");
  await client.openStream().write(specifier);
  expect(Buffer.from(await (await accepted).readExactly(16)).equals(specifier)).toBe(true);

  expect(HOST_KEY).toBe(HOST_PUBLIC);
  expect(hex(hostEnd.writtenBytes)).toBe(`03${XH}${SIGNATURE}${HOST_SETTINGS}`);
  const sent = dialerEnd.writtenBytes;
  expect(hex(sent.subarray(0, 33))).toBe(`03${XD}`);
  expect(hex(sent.subarray(33, 57))).toBe(DIALER_SETTINGS);
  const packet = sent.subarray(57);
  expect(packet.length).toBe(4320);
  expect(hex(packet.subarray(0, 16))).toBe("42ec6422bac625e8e131552ee81a352c");
  expect(hex(packet.subarray(-16))).toBe("85771a770d0c665df239a1a4f12e2cb7");
  expect(createHash("sha256").update(packet).digest("hex")).toBe(
    "50695c21cf6ba72ec2e8973b34888b2bc829ff3a2cd66237d9bb65b4f3164cb4",
  );
  client.close();
  host.close();
});

test("version and key are sent in one write, sealed settings and the first packet in a second write", async () => {
  const [dialerEnd, hostEnd] = memoryPair();
  const accepting = acceptMux(hostEnd, hostIdentity());
  const client = await dialMux(dialerEnd, HOST_KEY);
  await client.openStream().write(Uint8Array.of(1));
  expect(dialerEnd.written.map((bytes) => bytes.length)).toEqual([33, 24 + 4320]);
  client.close();
  (await accepting).close();
});
