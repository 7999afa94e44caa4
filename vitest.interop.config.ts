import { defineConfig } from "vitest/config";
import { skippedReporter } from "./test/support/list-skipped.ts";

const report = process.env["SLABMEND_TEST_REPORT"];

/** The suites that hold slabmend against software that was not written here: `npm run test:interop`. */
export default defineConfig({
  test: {
    include: ["test/interop/**/*.test.ts", "test/wire/{host-pool,refusals,transfers}.test.ts"],
    globalSetup: ["test/support/global-setup.ts", "test/interop/support/global-setup.ts"],
    // Two cores are the machine: one for a test, one for its database, hosts and workers.
    maxWorkers: 2,
    testTimeout: 200_000,
    hookTimeout: 120_000,
    reporters: [
      "default",
      skippedReporter,
      ...(report === undefined ? [] : [["json", { outputFile: report }] as ["json", { outputFile: string }]]),
    ],
  },
});
