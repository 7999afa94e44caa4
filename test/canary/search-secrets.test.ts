/** Tests the search: it finds a secret in any form, and nothing in noise. */
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
  ["characters, in JSON", JSON.stringify(key.toString("latin1"))],
  ["characters, as inspect() shows them", inspect(key.toString("latin1"))],
  ["read as UTF-8", `key: ${key.toString("utf8")}`],
  ["percent-encoded", encodeURIComponent(key.toString("latin1"))],
  ["hex in columns", inspect(key.toString("hex").match(/.{16}/g)?.join("\n"))],
  ["hex of a bytea", `\\x${key.toString("hex")}`],
  ["hex in base64", `body: ${Buffer.from(`{"seed":"${key.toString("hex")}"}`).toString("base64")}`],
  ["base64 in a URL", `?key=${encodeURIComponent(key.toString("base64"))}`],
  ["its first half", key.subarray(0, 16).toString("hex")],
  ["its second half", Buffer.concat([randomBytes(1), key.subarray(16)]).toString("base64")],
];

test.each(leaks)("the search finds a secret as %s", (_, text) => {
  expect(found(text)).toBeGreaterThan(0);
});

test("the search finds a password in a URL", () => {
  const password = [{ name: "password", bytes: Buffer.from("canary pass/word+1") }];
  const url = new URL("postgres://worker@localhost/indexd");
  url.password = "canary pass/word+1";
  expect(searchSecrets(password, [{ where: "url", text: url.href }])).not.toEqual([]);
});

test("the search finds two consecutive words of a phrase in any notation, but no single word", () => {
  const words = ["sunset", "evidence", "ribbon"];
  const pieces = [Buffer.from("sunset evidence"), Buffer.from("evidence ribbon")];
  const phrase = [{ name: "phrase", bytes: Buffer.from(words.join(" ")), pieces }];
  const where = (text: string): number => searchSecrets(phrase, [{ where: "here", text }]).length;
  expect(where("no evidence of a ribbon at sunset")).toBe(0);
  expect(where("got: sunset evidence ...")).toBeGreaterThan(0);
  expect(where(Buffer.from("evidence ribbon").toString("base64"))).toBeGreaterThan(0);
});

test("if a text contains one of 5,000 secrets, the search finds that secret and names it", () => {
  const many = Array.from({ length: 5_000 }, (_, n) => ({ name: `key ${n}`, bytes: randomBytes(32) }));
  const text = `${randomBytes(50_000).toString("hex")} ${many[4_711]!.bytes.toString("hex")}`;
  const findings = searchSecrets(many, [{ where: "log", text }]);
  // Random bytes can look like text, so the key may be found in more than one form.
  expect(new Set(findings.map(({ secret, where }) => `${secret} in ${where}`))).toEqual(
    new Set(["key 4711 in log"]),
  );
});

test("the search skips secrets that are too short or too regular to be recognised", () => {
  const regular = [
    { name: "short", bytes: Buffer.from("postgres") },
    { name: "zeros", bytes: Buffer.alloc(32) },
  ];
  expect(searchSecrets(regular, [{ where: "url", text: `postgres://${"00".repeat(40)}` }])).toEqual([]);
});

test("the search finds no secret in noise", () => {
  expect(found(randomBytes(200_000))).toBe(0);
  expect(found(randomBytes(100_000).toString("base64"))).toBe(0);
});
