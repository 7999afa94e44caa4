import { expect, test } from "vitest";
import { parseHostAddress } from "../../lib/network/host-address.ts";

test.each([
  ["host.example.com:9984", { host: "host.example.com", port: 9984, isIp: false }],
  ["Sia_Host-1.example.:1", { host: "Sia_Host-1.example.", port: 1, isIp: false }],
  ["localhost:65535", { host: "localhost", port: 65_535, isIp: false }],
  ["1.2.3.4:9984", { host: "1.2.3.4", port: 9984, isIp: true }],
  ["[2606:4700::1111]:9984", { host: "2606:4700::1111", port: 9984, isIp: true }],
  ["[::]:4280", { host: "::", port: 4280, isIp: true }],
  ["[::ffff:10.0.0.1]:4280", { host: "::ffff:10.0.0.1", port: 4280, isIp: true }],
])("%s is a valid address", (text, parsed) => {
  expect(parseHostAddress(text)).toEqual(parsed);
});

test.each([
  "",
  ":",
  "host",
  "host:",
  ":9984",
  "host:0",
  "host:65536",
  "host:-1",
  "host:1e3",
  "host:99840",
  "host: 9984",
  "ho st:9984",
  "host:9984 ",
  "user@host:9984",
  "http://host:9984",
  "host:9984/path",
  "2606:4700::1111:9984",
  "[host]:9984",
  "[1.2.3.4]:9984",
  "[::1:9984",
  "[fe80::1%eth0]:9984",
  "[::g]:9984",
  "0x7f000001:9984",
  "2130706433:9984",
  "127.1:9984",
  "256.1.1.1:9984",
  "-host:9984",
  "host-:9984",
  "a..b:9984",
  "höst:9984",
  "host\u0000:9984",
  `${"a".repeat(64)}.com:9984`,
  `${"a.".repeat(200)}com:9984`,
])("%j is not a valid address", (text) => {
  expect(parseHostAddress(text)).toBeUndefined();
});
