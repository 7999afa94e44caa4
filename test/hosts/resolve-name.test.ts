import { createSocket, type Socket } from "node:dgram";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createDnsLookup, type ResolveName } from "../../lib/network/resolve-name.ts";
import { until } from "../support/until.ts";

const TYPES = { A: 1, AAAA: 28 } as const;
const NXDOMAIN = 3;

/** What the name server answers for a name and type: the data of the records, NXDOMAIN, or nothing at all. */
let answer: (name: string, type: number) => readonly Buffer[] | "nxdomain" | "silence";
let asked: string[];
let server: Socket;
let lookUp: ResolveName;
const signal = new AbortController().signal;

beforeEach(async () => {
  asked = [];
  server = createSocket("udp4");
  server.on("message", (query, from) => {
    const { name, type, questionEnd } = readQuestion(query);
    asked.push(`${name} ${type}`);
    const records = answer(name, type);
    if (records === "silence") return;
    const found = records === "nxdomain" ? [] : records;
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(0x8180 | (records === "nxdomain" ? NXDOMAIN : 0), 2);
    head.writeUInt16BE(found.length, 6);
    head.writeUInt32BE(0, 8);
    const body = found.map((data) => {
      const record = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length]);
      return Buffer.concat([record, data]);
    });
    server.send(Buffer.concat([head, query.subarray(12, questionEnd), ...body]), from.port, from.address);
  });
  await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
  lookUp = createDnsLookup([`127.0.0.1:${server.address().port}`]);
});
afterEach(() => new Promise<void>((resolve) => server.close(() => resolve())));

function readQuestion(query: Buffer): { name: string; type: number; questionEnd: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), questionEnd: at + 5 };
}

test("a look-up asks for IPv4 and for IPv6 addresses, and returns both", async () => {
  const v6 = Buffer.from("26064700000000000000000000000001", "hex");
  answer = (_name, type) =>
    type === TYPES.A ? [Buffer.from([8, 8, 8, 8]), Buffer.from([8, 8, 4, 4])] : [v6];
  expect(await lookUp("host.example", signal)).toEqual(["8.8.8.8", "8.8.4.4", "2606:4700::1"]);
  expect(asked.sort()).toEqual(["host.example 1", "host.example 28"]);
});

test("a name with only IPv4 addresses is resolved", async () => {
  answer = (_name, type) => (type === TYPES.A ? [Buffer.from([8, 8, 8, 8])] : []);
  expect(await lookUp("v4.example", signal)).toEqual(["8.8.8.8"]);
});

test("the look-up of a name that does not exist fails with ENOTFOUND", async () => {
  answer = () => "nxdomain";
  await expect(lookUp("gone.example", signal)).rejects.toMatchObject({ code: "ENOTFOUND" });
});

test("an abort ends the wait for a silent name server", async () => {
  answer = () => "silence";
  const caller = new AbortController();
  const failed = lookUp("slow.example", caller.signal).catch((error: unknown) => error);
  await until(() => asked.length >= 2);
  const reason = new Error("given up");
  caller.abort(reason);
  expect(await failed).toBe(reason);
});
