/** The functions that decide which listen addresses, Host headers and Origin headers the server accepts. */
import { describe, expect, test } from "vitest";
import { parseListenAddress } from "../../lib/server/access/listen-address.ts";
import { isOurHost, isOurOrigin } from "../../lib/server/access/request-source.ts";

const loopback = { isLoopback: true, names: ["slabs.example"] };
const beyond = { isLoopback: false, names: [] };

test.each([
  ["127.0.0.1:8484", { host: "127.0.0.1", port: 8484, isLoopback: true }],
  ["127.9.9.9:0", { host: "127.9.9.9", port: 0, isLoopback: true }],
  ["localhost:80", { host: "127.0.0.1", port: 80, isLoopback: true }],
  ["[::1]:8484", { host: "::1", port: 8484, isLoopback: true }],
  ["0.0.0.0:8484", { host: "0.0.0.0", port: 8484, isLoopback: false }],
  ["[::]:8484", { host: "::", port: 8484, isLoopback: false }],
  ["192.168.1.2:8484", { host: "192.168.1.2", port: 8484, isLoopback: false }],
  ["::1:8484", undefined],
  ["[127.0.0.1]:8484", undefined],
  ["127.0.0.1:65536", undefined],
  ["127.0.0.1", undefined],
  ["server.example:8484", undefined],
  ["", undefined],
] as const)("the address to listen on %s", (text, expected) => {
  expect(parseListenAddress(text)).toEqual(expected);
});

test.each([
  ["127.0.0.1:8484", loopback, true],
  ["127.0.0.1", loopback, true],
  ["LOCALHOST:9000", loopback, true],
  ["localhost.", loopback, true],
  ["[::1]:8484", loopback, true],
  ["slabs.example", loopback, true],
  ["evil.example:8484", loopback, false],
  ["127.0.0.1.evil.example", loopback, false],
  ["localhost.evil.example", loopback, false],
  ["evil.example@127.0.0.1", loopback, false],
  ["127.0.0.1:8484/x", loopback, false],
  ["192.168.1.2:8484", loopback, false],
  ["", loopback, false],
  [undefined, loopback, false],
  ["192.168.1.2:8484", beyond, true],
  ["[2001:db8::1]:8484", beyond, true],
  ["server.lan:8484", beyond, false],
] as const)("the header Host %s", (header, rules, expected) => {
  expect(isOurHost(header, rules)).toBe(expected);
});

describe("the header Origin of a write", () => {
  test.each([
    [undefined, "127.0.0.1:8484", true],
    ["http://127.0.0.1:8484", "127.0.0.1:8484", true],
    ["https://Slabs.example", "slabs.example", true],
    ["http://127.0.0.1:8485", "127.0.0.1:8484", false],
    ["http://localhost:8484", "127.0.0.1:8484", false],
    ["https://evil.example", "127.0.0.1:8484", false],
    ["null", "127.0.0.1:8484", false],
    ["", "127.0.0.1:8484", false],
    ["http://127.0.0.1:8484", undefined, false],
  ] as const)("%s to %s", (origin, host, expected) => {
    expect(isOurOrigin(origin, host)).toBe(expected);
  });
});
