import { expect, test } from "vitest";
import { correlatedHosts, neighbourhoodOf } from "../../lib/placement/correlated-hosts.ts";
import type { HostId } from "../../lib/slab/ids.ts";

test.each([
  ["203.0.113.7:9984", "203.0.113.200:1", true],
  ["203.0.113.7:9984", "203.0.114.7:9984", false],
  ["[2001:db8:1:2::3]:9984", "[2001:db8:1:ffff::1]:9984", true],
  ["[2001:db8:1::]:9984", "[2001:0DB8:0001::1]:1", true],
  ["[2001:db8:1::1]:9984", "[2001:db8:2::1]:9984", false],
  ["[::ffff:203.0.113.9]:9984", "203.0.113.7:9984", true],
  ["host1.example.com:9984", "HOST2.example.com.:9984", true],
  ["example.com:9984", "a.b.example.com:9984", true],
  ["a.example.com:9984", "a.example.net:9984", false],
  ["a.example.co.uk:9984", "b.other.co.uk:9984", false],
  ["a.example.co.uk:9984", "b.example.co.uk:9984", true],
  // Everybody has a name there.
  ["one.duckdns.org:9984", "two.duckdns.org:9984", false],
  ["one.duckdns.org:9984", "x.one.duckdns.org:9984", true],
])("%s and %s: %s", (one, other, expected) => {
  expect(neighbourhoodOf(one) === neighbourhoodOf(other)).toBe(expected);
});

test.each(["", ":", "localhost:1", "..:1", `${"a".repeat(300)}.example.com:1`, "a..b:1"])(
  "%s is nobody's neighbour",
  (address) => {
    expect(neighbourhoodOf(address)).toBeUndefined();
  },
);

test("neighbours of neighbours are one group, hosts alone are in none", () => {
  const host = (id: number, ...addresses: string[]) => ({ id: id as HostId, addresses });
  const groups = correlatedHosts([
    host(1, "203.0.113.1:1"),
    host(2, "203.0.113.2:1", "b.example.com:1"),
    host(3, "c.example.com:1"),
    host(4, "198.51.100.1:1"),
    host(5),
    host(6, "d.example.org:1"),
    host(7, "e.example.org:1"),
  ]);
  expect([...groups.keys()].toSorted()).toEqual([1, 2, 3, 6, 7]);
  expect(new Set([1, 2, 3].map((id) => groups.get(id as HostId))).size).toBe(1);
  expect(groups.get(6 as HostId)).toBe(groups.get(7 as HostId));
  expect(groups.get(6 as HostId)).not.toBe(groups.get(1 as HostId));
});
