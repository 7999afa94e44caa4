import fc from "fast-check";
import { expect, it } from "vitest";
import type { HostSwitches } from "../../../dev/swarm/host-switches.ts";
import type { SwarmHost } from "../../../dev/swarm/swarm.ts";
import { accountKey, Cleanups, client, RICH, sectorOf, testSwarm } from "./swarm-client.ts";

const HOSTS = 3;
const SECTORS = ["one", "two", "three"].map(sectorOf);
const KIB_64 = 64 * 1024;

/** Outages, delays, stalls and refusals, but no false content, so that every answer must be correct. */
const fault: fc.Arbitrary<Partial<HostSwitches>> = fc.oneof(
  fc.constantFrom<Partial<HostSwitches>>(
    { availability: "offline" },
    { availability: "silent" },
    { availability: "online" },
    { bytesPerSecond: 500_000, latencyMs: 5 },
    { bytesPerSecond: null, latencyMs: 0 },
    { full: true },
    { full: false },
    { outOfFunds: true },
    { shuttingDown: true },
    { shuttingDown: false, outOfFunds: false },
    { refusesWritesEarly: { afterBytes: 100_000, code: 2, description: "not enough storage" } },
    { refusesWritesEarly: null },
  ),
  fc.nat({ max: 2_000_000 }).map((bytes) => ({ stallsReadsAfterBytes: bytes })),
  fc.nat({ max: 2_000_000 }).map((bytes) => ({ stallsWritesAfterBytes: bytes })),
  fc.constant({ stallsReadsAfterBytes: null, stallsWritesAfterBytes: null }),
);
const action = fc.record({
  host: fc.nat({ max: HOSTS - 1 }),
  sector: fc.nat({ max: SECTORS.length - 1 }),
  kind: fc.constantFrom(
    "read-range" as const,
    "read" as const,
    "write" as const,
    "fault" as const,
    "restart" as const,
  ),
  piece: fc.nat({ max: 63 }),
  fault,
});

const LIFTED: Partial<HostSwitches> = {
  availability: "online",
  bytesPerSecond: null,
  latencyMs: 0,
  full: false,
  outOfFunds: false,
  shuttingDown: false,
  refusesWritesEarly: null,
  stallsReadsAfterBytes: null,
  stallsWritesAfterBytes: null,
};

async function transfer(
  host: SwarmHost,
  { sector, kind, piece }: { sector: number; kind: string; piece: number },
) {
  const cleanups = new Cleanups();
  const { bytes, root } = SECTORS[sector]!;
  try {
    const { read, write } = await client(cleanups, host);
    if (kind === "write") {
      expect((await write(bytes)).root).toBe(root);
    } else {
      const found = kind === "read" ? await read(root) : await read(root, piece * KIB_64, KIB_64);
      expect(found.isProven).toBe(true);
    }
  } finally {
    await cleanups[Symbol.asyncDispose]();
  }
}

it("random faults of hosts never give wrong answers or hang, and recovered hosts work", async () => {
  const property = fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 25 }), async (actions) => {
    const cleanups = new Cleanups();
    const { hosts } = await testSwarm(cleanups, { hostCount: HOSTS });
    try {
      const transfers: Promise<unknown>[] = [];
      for (const { host: index, kind, ...rest } of actions) {
        const host = hosts[index]!;
        if (kind === "fault") await host.setSwitches(rest.fault);
        else if (kind === "restart") await host.restart();
        else transfers.push(transfer(host, { kind, ...rest }).catch(typedErrorsOnly));
        // These steps, some of them at random, let running requests make progress.
        await hosts[rest.piece % HOSTS]?.fund(accountKey.account, RICH);
        if (rest.piece % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
        if (rest.piece % 5 === 0) await host.putSector(SECTORS[0]!.root, SECTORS[0]!.bytes);
      }
      await Promise.all(hosts.map((host) => host.setSwitches(LIFTED)));
      await Promise.all(transfers);
      for (const host of hosts) {
        await transfer(host, { sector: 1, kind: "write", piece: 0 });
        await transfer(host, { sector: 1, kind: "read", piece: 0 });
      }
    } finally {
      await cleanups[Symbol.asyncDispose]();
    }
  });
  await fc.assert(property, { numRuns: 8, endOnFailure: true });
});

function typedErrorsOnly(error: unknown): void {
  if (error instanceof Error && "code" in error && error.name !== "AssertionError") return;
  throw error;
}
