import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { verifySector } from "../../dev/rhp4/verify-sector.ts";
import { accountBalance } from "../../lib/rhp4/account-balance.ts";
import { createAccountToken } from "../../lib/rhp4/account-token.ts";
import { readSectorCost, writeSectorCost } from "../../lib/rhp4/costs.ts";
import { encodeWireError } from "../../lib/rhp4/framing.ts";
import { signHostPrices, verifyHostPrices } from "../../lib/rhp4/host-prices.ts";
import { latestRevision } from "../../lib/rhp4/latest-revision.ts";
import { encodeReadSectorResponseHead, readSector } from "../../lib/rhp4/read-sector.ts";
import { settings } from "../../lib/rhp4/settings.ts";
import { encodeWriteSectorResponse, writeSector } from "../../lib/rhp4/write-sector.ts";
import { parseContractId, type Root } from "../../lib/slab/ids.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { type MemoryStream, memoryStreamPair } from "./memory-stream.ts";
import { type Answered, createTestHost, type TestHost } from "./rpc-server.ts";
import { accountKey, contract, filled, hostKey, identity } from "./samples.ts";

const NOW_MS = 1_700_000_000_000;
const seed = inject("seed");
const random = seededRandom(seed);

let host: TestHost;
let serving: Promise<void>[];
let clients: MemoryStream[];

beforeEach(() => {
  host = createTestHost(identity, () => NOW_MS);
  serving = [];
  clients = [];
});
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") console.log(`seed: SLABMEND_TEST_SEED=${seed}`);
  for (const client of clients) client.destroy(new Error("the test is over"));
  await Promise.all(serving);
});

function connect(maxPieceBytes = 20_000): { client: MemoryStream; hostSide: MemoryStream } {
  const pair = memoryStreamPair({ random, maxPieceBytes });
  serving.push(host.serve(pair.host));
  clients.push(pair.client);
  return { client: pair.client, hostSide: pair.host };
}

function payment() {
  const token = createAccountToken(accountKey, hostKey, NOW_MS + 300_000);
  return { prices: signHostPrices(host.prices, identity), token };
}

function sectorData(lengthBytes = SECTOR_BYTES): Uint8Array {
  return Uint8Array.from({ length: lengthBytes }, (_, i) => i % 251);
}

test("settings contain valid signed prices", async () => {
  const answer = await settings(connect(3).client);
  expect(answer).toMatchObject({ release: "hostd v2.9.0 – ü", protocolVersion: [5, 1, 0] });
  verifyHostPrices(answer.prices, hostKey, NOW_MS);
});

test("the balance of the account is returned", async () => {
  host.balance = (1n << 127n) + 7n;
  expect(await accountBalance(connect(1).client, accountKey.account)).toBe((1n << 127n) + 7n);
});

test("a contract's latest revision arrives complete", async () => {
  const id = parseContractId("ab".repeat(32));
  expect(await latestRevision(connect(5).client, id)).toEqual({ contract, revisable: true, renewed: false });
});

test("a read of a range fills exactly its buffer, returns a proof and costs the range's price", async () => {
  const root = host.store(sectorData());
  const [offset, length] = [1_048_576, 1_048_576];
  const around = filled(length + 128, 0xee);
  const into = around.subarray(64, 64 + length);
  const before = host.balance;
  const paid = payment();
  const result = await readSector(connect().client, paid, { root, offset, into });
  expect(Buffer.compare(into, sectorData().subarray(offset, offset + length))).toBe(0);
  expect(around.subarray(0, 64).every((byte) => byte === 0xee)).toBe(true);
  expect(around.subarray(64 + length).every((byte) => byte === 0xee)).toBe(true);
  expect(result.proof).toEqual([filled(32, 0), filled(32, 1)]);
  expect(before - host.balance).toBe(readSectorCost(paid.prices, length));
});

test("a whole sector is read without a proof", async () => {
  const root = host.store(sectorData());
  const into = new Uint8Array(SECTOR_BYTES);
  const { proof } = await readSector(connect().client, payment(), { root, offset: 0, into });
  expect(proof).toEqual([]);
  expect(Buffer.compare(into, sectorData())).toBe(0);
});

test("verifying one leaf costs the price of a whole sector", async () => {
  const root = host.store(sectorData());
  const before = host.balance;
  const answer = await verifySector(connect().client, { ...payment(), root, leafIndex: 65_535n });
  expect(answer.leaf).toEqual(sectorData().slice(-64));
  expect(answer.proof).toHaveLength(16);
  expect(before - host.balance).toBe(8_388_608_000n);
});

test.each([64, 68_352, 68_416, 68_736, 137_152, SECTOR_BYTES])(
  "%i bytes are written completely",
  async (lengthBytes) => {
    const before = host.balance;
    const data = sectorData(lengthBytes);
    const paid = payment();
    const { root } = await writeSector(connect().client, paid, data);
    expect(Buffer.compare(host.sectors.get(root) ?? filled(0, 0), data)).toBe(0);
    expect(before - host.balance).toBe(writeSectorCost(paid.prices, lengthBytes));
  },
);

test("each refusal by the host is thrown with its own code, and the stream is closed", async () => {
  const read = (root: Root) => {
    const { client } = connect();
    const call = readSector(client, payment(), { root, offset: 0, into: new Uint8Array(64) });
    return call.catch((error: unknown) => ({ error, client }));
  };
  const root = host.store(sectorData());
  expect(await read("00".repeat(32) as Root)).toMatchObject({
    error: { code: "sector-not-found" },
    client: { closed: true },
  });
  host.balance = 1n;
  expect(await read(root)).toMatchObject({ error: { code: "not-enough-funds" } });
  host.nowMs = () => NOW_MS + 1_800_000;
  expect(await read(root)).toMatchObject({ error: { code: "prices-expired" } });
  host.nowMs = () => NOW_MS + 300_001 + 999;
  expect(await read(root)).toMatchObject({ error: { code: "token-expired" } });
});

test("after an early refusal of a write the rest is not sent, and the host's reason is thrown", async () => {
  host.misbehave = async (_rpc, stream): Promise<Answered> => {
    await stream.readExactly(320);
    await stream.write(encodeWireError({ code: 5, description: "not enough funds" }));
    return "done";
  };
  const { client, hostSide } = connect();
  const write = writeSector(client, payment(), new Uint8Array(SECTOR_BYTES));
  await expect(write).rejects.toMatchObject({ code: "not-enough-funds" });
  expect(hostSide.receivedBytes).toBeLessThan(SECTOR_BYTES / 4);
});

test("a host that refuses a write and stops reading does not block the writer", async () => {
  const refused = Promise.withResolvers<void>();
  host.misbehave = async (_rpc, stream): Promise<Answered> => {
    await stream.write(encodeWireError({ code: 2, description: "not enough storage" }));
    // The host keeps the stream open and reads nothing more: the client's write waits in backpressure, and the client
    // must notice the answer meanwhile.
    await refused.promise;
    return "done";
  };
  const { client } = connect(100_000);
  const write = writeSector(client, payment(), new Uint8Array(SECTOR_BYTES));
  await expect(write).rejects.toMatchObject({ code: "not-enough-storage" });
  refused.resolve();
});

test("a host that answers a write with a root before the whole sector is sent violates the protocol", async () => {
  host.misbehave = async (_rpc, stream): Promise<Answered> => {
    await stream.write(encodeWriteSectorResponse("11".repeat(32) as Root));
    return "done";
  };
  const write = writeSector(connect().client, payment(), new Uint8Array(SECTOR_BYTES));
  await expect(write).rejects.toMatchObject({ code: "early-response" });
});

test.each([
  [
    "shorter data",
    () => encodeReadSectorResponseHead([filled(32, 1), filled(32, 2)], 1_048_512),
    "wrong-data-length",
  ],
  [
    "longer data",
    () => encodeReadSectorResponseHead([filled(32, 1), filled(32, 2)], 1_048_640),
    "wrong-data-length",
  ],
  ["no proof", () => encodeReadSectorResponseHead([], 1_048_576), "wrong-proof-length"],
  [
    "a long proof",
    () => encodeReadSectorResponseHead(Array(3).fill(filled(32, 1)), 1_048_576),
    "wrong-proof-length",
  ],
  ["a huge proof", () => Uint8Array.from([0, ...filled(8, 0xff)]), "message-too-long"],
])("a read answered with %s is a protocol violation", async (_what, bytes, code) => {
  host.misbehave = async (_rpc, stream): Promise<Answered> => {
    await stream.write(bytes());
    return "done";
  };
  const into = filled(1_048_576, 0xee);
  const { client } = connect();
  const range = { root: "22".repeat(32) as Root, offset: 0, into };
  await expect(readSector(client, payment(), range)).rejects.toMatchObject({ code });
  expect(client.destroyedWith).toMatchObject({ code });
  expect(into.every((byte) => byte === 0xee)).toBe(true);
});

test("a read fails if the host closes the stream in the middle of the data", async () => {
  host.misbehave = async (_rpc, stream): Promise<Answered> => {
    await stream.write(encodeReadSectorResponseHead([], SECTOR_BYTES));
    await stream.write(new Uint8Array(1_000_000));
    return "done";
  };
  const into = new Uint8Array(SECTOR_BYTES);
  const range = { root: "22".repeat(32) as Root, offset: 0, into };
  await expect(readSector(connect().client, payment(), range)).rejects.toMatchObject({
    code: "stream-ended",
  });
});

test("a call fails with the cause with which its stream was destroyed", async () => {
  host.misbehave = async (_rpc, stream): Promise<Answered> => {
    await stream.whenPeerCloses;
    return "done";
  };
  for (const call of [
    (stream: MemoryStream) => writeSector(stream, payment(), new Uint8Array(SECTOR_BYTES)),
    (stream: MemoryStream) => settings(stream),
  ]) {
    const { client } = connect();
    const pending = call(client);
    setImmediate(() => client.destroy(new Error("given up")));
    await expect(pending).rejects.toThrow("given up");
  }
});

test.each([0, 63, 100, SECTOR_BYTES + 64])(
  "data of %i bytes is refused before anything is sent",
  async (length) => {
    const { client, hostSide } = connect();
    const write = writeSector(client, payment(), new Uint8Array(length));
    await expect(write).rejects.toMatchObject({ code: "invalid-request" });
    expect(hostSide.receivedBytes).toBe(0);
    client.close();
  },
);
