import { defineConfig } from "vitest/config";

const report = process.env["SLABMEND_TEST_REPORT"];

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/interop/**", "test/infra/**", "test/aws/**"],
    globalSetup: ["test/support/global-setup.ts"],
    setupFiles: ["test/canary/setup.ts"],
    // Two cores are the machine: one for the tests, one for the PostgreSQL and the workers they start.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // CI counts the tests from the report.
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
  },
});
