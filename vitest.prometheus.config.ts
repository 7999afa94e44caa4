import { defineConfig } from "vitest/config";

/** Alert rules by promtool, and a real Prometheus that scrapes slabmend serve: `npm run test:prometheus`. */
export default defineConfig({
  test: {
    include: ["test/prometheus/**/*.test.ts"],
    globalSetup: ["test/prometheus/support/install-prometheus.ts", "test/support/global-setup.ts"],
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ["default"],
  },
});
