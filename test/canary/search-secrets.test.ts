/** The search itself: whatever form a secret leaks in, it is found; noise is not. */
import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { searchSecrets } from "./search-secrets.ts";

const key = Buffer.from("000102030405f6f7f8f9fafbfcfdfeff101112131415161718191a1b1c1d1e1f", "hex");
const secrets = [{ name: "key", bytes: key }];
const found = (text: string | Uint8Array): number => searchSecrets(secrets, [{ where: "here", text }]).length;

const leaks: [string, string | Uint8Array][] = [
  ["raw in a buffer", Buffer.concat([randomBytes(7), key, randomBytes(9)])],
  ["hex", `key=${key.toString("hex")};`],
  ["upper-case hex", key.toString("hex").toUpperCase()],
  ...[0, 1, 2, 3].map((before): [string, string] => [
    `base64 behind ${before} other bytes`,
    Buffer.concat([randomBytes(before), key, randomBytes(5)]).toString("base64"),
  ]),
  ["base64url", Buffer.concat([randomBytes(1), key]).toString("base64url")],
  ["JSON of a Buffer", JSON.stringify(key)],
  ["JSON of a Uint8Array", JSON.stringify(Uint8Array.from(key))],
  ["inspect of a Buffer", inspect(key)],
  ["inspect of an array", inspect([...key], { breakLength: Number.POSITIVE_INFINITY })],
  ["its first half", key.subarray(0, 16).toString("hex")],
  ["its second half", Buffer.concat([randomBytes(1), key.subarray(16)]).toString("base64")],
];

test.each(leaks)("finds %s", (_, text) => {
  expect(found(text)).toBeGreaterThan(0);
});

test("finds a password in a URL", () => {
  const password = [{ name: "password", bytes: Buffer.from("canary pass/word+1") }];
  const url = new URL("postgres://worker@localhost/indexd");
  url.password = "canary pass/word+1";
  expect(searchSecrets(password, [{ where: "url", text: url.href }])).not.toEqual([]);
});

test("finds nothing in noise", () => {
  expect(found(randomBytes(200_000))).toBe(0);
  expect(found(randomBytes(100_000).toString("base64"))).toBe(0);
});
