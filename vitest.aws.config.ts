import { defineConfig } from "vitest/config";

/**
 * The suites that need an endpoint that speaks AWS's protocols: AWS_ENDPOINT_URL, or else every emulator that
 * scripts/install-emulators.sh has installed. What an endpoint lacks is listed at the end.
 */
export default defineConfig({
  test: {
    include: ["test/aws/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts", "test/infra/support/global-setup.ts"],
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ["default", "./test/aws/support/report-skipped.ts"],
  },
});
