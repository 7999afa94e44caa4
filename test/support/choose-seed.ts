/**
 * Chooses the seed of a run's random tests (vitest's globalSetup). By default the seed is fixed, so that failures come
 * from changes and not from chance. `SLABMEND_TEST_SEED=random` draws a seed and prints it; with the printed number
 * instead of `random`, that run is repeated.
 */
import { randomInt } from "node:crypto";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    seed: number;
  }
}

const FIXED_SEED = 20_251_130;

export default function setup(project: TestProject): void {
  const asked = process.env["SLABMEND_TEST_SEED"] ?? String(FIXED_SEED);
  const seed = asked === "random" ? randomInt(2 ** 31) : Number(asked);
  if (!Number.isInteger(seed)) {
    throw new Error(`SLABMEND_TEST_SEED: expected an integer or "random", got "${asked}"`);
  }
  if (seed !== FIXED_SEED) console.log(`repeat this run with SLABMEND_TEST_SEED=${seed}`);
  project.provide("seed", seed);
}
