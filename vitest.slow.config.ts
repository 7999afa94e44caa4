import { defineConfig } from "vitest/config";

/**
 * Query plans, simulations, long property runs, the demo with faults, the playground, an abused server, and kills and
 * silences that take long: `npm run test:slow`. Their seed is fixed; `SLABMEND_TEST_SEED=random` draws one and prints
 * it.
 */
export default defineConfig({
  test: {
    include: ["test/**/*.slow.test.ts"],
    globalSetup: ["test/support/choose-seed.ts", "test/support/global-setup.ts"],
    setupFiles: ["test/support/seed-properties.ts"],
    maxWorkers: 2,
    testTimeout: 600_000,
    hookTimeout: 180_000,
    reporters: ["default"],
  },
});
