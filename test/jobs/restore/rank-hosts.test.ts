import { expect, test } from "vitest";
import type { NetworkHost } from "../../../lib/database/indexd/network-snapshot.ts";
import { rankHosts } from "../../../lib/jobs/restore/rank-hosts.ts";
import type { HostId } from "../../../lib/slab/ids.ts";

const host = (id: number, columns: Partial<NetworkHost> = {}): NetworkHost =>
  ({ id, hasActiveContract: true, blocked: false, usable: true, ...columns }) as NetworkHost;

interface Case {
  readonly name: string;
  readonly hosts: readonly NetworkHost[];
  readonly surplus: Readonly<Record<number, number | null>>;
  readonly asked: readonly number[];
}

test.for<Case>([
  {
    name: "the host where most sectors arrived is asked first",
    hosts: [host(1), host(2), host(3)],
    surplus: { 1: 0, 2: 7, 3: 9 },
    asked: [3, 2, 1],
  },
  {
    name: "of equal hosts the usable one is asked first, then the one with the lower id",
    hosts: [host(1, { usable: false }), host(3), host(2)],
    surplus: { 1: 4, 2: 4, 3: 4 },
    asked: [2, 3, 1],
  },
  {
    name: "an unusable host where sectors arrived comes before a usable one without",
    hosts: [host(1), host(2, { usable: false })],
    surplus: { 2: 1 },
    asked: [2, 1],
  },
  {
    name: "a host that says nothing is not asked",
    hosts: [host(1), host(2)],
    surplus: { 1: null, 2: 0 },
    asked: [2],
  },
  {
    name: "indexd moves nothing to hosts that are blocked or without a contract",
    hosts: [host(1, { blocked: true }), host(2, { hasActiveContract: false }), host(3)],
    surplus: { 1: 9, 2: 9, 3: 0 },
    asked: [3],
  },
])("$name", ({ hosts, surplus, asked }) => {
  const measured = new Map(Object.entries(surplus).map(([id, n]) => [Number(id) as HostId, n]));
  expect(rankHosts(hosts, measured).map(({ id }) => id)).toEqual(asked);
});
