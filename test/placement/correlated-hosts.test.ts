import { expect, test } from "vitest";
import { correlatedHosts, neighbourhoodOf } from "../../lib/placement/correlated-hosts.ts";
import type { HostId } from "../../lib/slab/ids.ts";

test.each([
  ["93.184.215.7:9984", "93.184.215.200:1", true],
  ["93.184.215.7:9984", "93.184.216.7:9984", false],
  ["[2a00:1450:1:2::3]:9984", "[2a00:1450:1:ffff::1]:9984", true],
  ["[2a00:1450:1::]:9984", "[2A00:1450:0001::1]:1", true],
  ["[2a00:1450:1::1]:9984", "[2a00:1450:2::1]:9984", false],
  ["[::ffff:93.184.215.9]:9984", "93.184.215.7:9984", true],
  ["host1.example.com:9984", "HOST2.example.com.:9984", true],
  ["example.com:9984", "a.b.example.com:9984", true],
  ["a.example.com:9984", "a.example.net:9984", false],
  ["a.example.co.uk:9984", "b.other.co.uk:9984", false],
  ["a.example.co.uk:9984", "b.example.co.uk:9984", true],
  // Anyone can get a name in this domain.
  ["one.duckdns.org:9984", "two.duckdns.org:9984", false],
  ["one.duckdns.org:9984", "x.one.duckdns.org:9984", true],
])("%s and %s: %s", (one, other, expected) => {
  expect(neighbourhoodOf(one) === neighbourhoodOf(other)).toBe(expected);
});

test.each([
  "[::]:9984",
  "0.0.0.0:9984",
  "127.0.0.1:9984",
  "[::1]:9984",
  "10.1.2.3:9984",
  "192.168.7.9:9984",
  "[fd00::7]:9984",
  "[::ffff:10.1.2.3]:9984",
  "[fe80::1%eth0]:9984",
])("%s is not public, so it does not show a host's location", (address) => {
  expect(neighbourhoodOf(address)).toBeUndefined();
});

test.each(["", ":", "localhost:1", "..:1", `${"a".repeat(300)}.example.com:1`, "a..b:1"])(
  "%s has no neighbours",
  (address) => {
    expect(neighbourhoodOf(address)).toBeUndefined();
  },
);

test("neighbours of neighbours form one group, and hosts without neighbours are in no group", () => {
  const host = (id: number, ...addresses: string[]) => ({ id: id as HostId, addresses });
  const groups = correlatedHosts([
    host(1, "93.184.215.1:1"),
    host(2, "93.184.215.2:1", "b.example.com:1"),
    host(3, "c.example.com:1"),
    host(4, "151.101.1.1:1"),
    host(5),
    host(6, "d.example.org:1"),
    host(7, "e.example.org:1"),
  ]);
  expect([...groups.keys()].toSorted()).toEqual([1, 2, 3, 6, 7]);
  expect(new Set([1, 2, 3].map((id) => groups.get(id as HostId))).size).toBe(1);
  expect(groups.get(6 as HostId)).toBe(groups.get(7 as HostId));
  expect(groups.get(6 as HostId)).not.toBe(groups.get(1 as HostId));
});
