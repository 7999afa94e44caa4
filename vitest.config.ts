import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/interop/**"],
    globalSetup: ["test/support/global-setup.ts"],
    // Two cores are the machine: one for the tests, one for the PostgreSQL and the workers they start.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ["default"],
  },
});
