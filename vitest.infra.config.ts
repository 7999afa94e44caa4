import { defineConfig } from "vitest/config";

/**
 * The deployment, without AWS: `npm run test:infra`. The first run installs SST's platform, half a minute and 320 MB.
 */
export default defineConfig({
  test: {
    include: ["test/infra/**/*.test.ts"],
    globalSetup: ["test/infra/support/global-setup.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ["default"],
  },
});
