import { defineConfig } from "vitest/config";
import { skippedReporter } from "./test/support/list-skipped.ts";

const report = process.env["SLABMEND_TEST_REPORT"];

/**
 * The console in a real Chromium, on the real server and a seeded database: `npm run test:browser`. Without Chromium
 * (scripts/install-chromium.sh) its tests are skipped, unless SLABMEND_BROWSER_REQUIRED is "true".
 */
export default defineConfig({
  test: {
    include: ["test/browser/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: [
      "default",
      skippedReporter,
      ...(report === undefined ? [] : [["json", { outputFile: report }] as ["json", { outputFile: string }]]),
    ],
  },
});
