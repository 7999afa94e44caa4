import { mkdir, rmdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Clock, systemClock } from "../../lib/clock/clock.ts";
import { createKernel } from "../../lib/kernel/kernel.ts";
import type { MerkleHasher } from "../../lib/merkle/merkle-hasher.ts";
import { LocalHost } from "./local-host.ts";
import { DEFAULT_PRICES, type Swarm, type SwarmOptions } from "./swarm.ts";

/**
 * Sectors are hashed in pieces that pass through the kernel's window, so the kernel never has to hold a whole sector.
 */
const KERNEL_MEMORY_BYTES = 4 * 1024 * 1024;

/** 40 GiB, more than any test or demo stores on one host. */
const DEFAULT_CAPACITY_SECTORS = 10_240;

/** A realistic recent height. */
const DEFAULT_TIP_HEIGHT = 580_000n;

/**
 * Starts the hosts in this process. One kernel computes the hashes for all hosts, because they share one thread anyway.
 */
export async function startSwarm(
  options: SwarmOptions & { readonly clock?: Clock; readonly random?: () => number },
): Promise<Swarm> {
  const { dir, seed, hostCount, clock = systemClock, random = Math.random } = options;
  const madeDirectory = await mkdir(dir, { recursive: true });
  const hasher = kernelHasher();
  const hosts = Array.from(
    { length: hostCount },
    (_, index) =>
      new LocalHost({
        index,
        seed,
        dir,
        listen: options.listen ?? "127.0.0.1",
        prices: { ...DEFAULT_PRICES, ...options.prices },
        tipHeight: options.tipHeight ?? DEFAULT_TIP_HEIGHT,
        capacitySectors: options.capacitySectors ?? DEFAULT_CAPACITY_SECTORS,
        hasher,
        clock,
        random,
      }),
  );
  const stop = async () => {
    await Promise.all(hosts.map((host) => host.stop()));
    if (madeDirectory !== undefined) await removeEmptyDirectories(resolve(dir), resolve(madeDirectory));
  };
  try {
    await Promise.all(hosts.map((host) => host.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  let stopping: Promise<void> | undefined;
  return {
    hosts,
    setTipHeight: async (height) => {
      await Promise.all(hosts.map((host) => host.setTipHeight(height)));
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** Removes the folders from `innermost` up to `outermost`, and stops at the first that is not empty. */
async function removeEmptyDirectories(innermost: string, outermost: string): Promise<void> {
  try {
    for (let directory = innermost; ; directory = dirname(directory)) {
      await rmdir(directory);
      if (directory === outermost) return;
    }
  } catch {
    // Not empty.
  }
}

function kernelHasher(): MerkleHasher {
  const kernel = createKernel({ memoryBytes: KERNEL_MEMORY_BYTES });
  return {
    subtreeRoot: (leaves) => kernel.subtreeRoot(leaves),
    node: (left, right) => kernel.metaRoot([left, right]),
  };
}
