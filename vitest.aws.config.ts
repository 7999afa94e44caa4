import { defineConfig } from "vitest/config";
import { skippedReporter } from "./test/support/list-skipped.ts";

const report = process.env["SLABMEND_TEST_REPORT"];

/**
 * The suites that need an endpoint that speaks AWS's protocols: the one of AWS_ENDPOINT_URL, or else fauxqs and every
 * emulator that scripts/install-emulators.sh has installed.
 */
export default defineConfig({
  test: {
    include: ["test/aws/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts", "test/infra/support/global-setup.ts"],
    // The functions run here: what they let out is searched for secrets.
    setupFiles: ["test/canary/setup.ts"],
    maxWorkers: 2,
    testTimeout: 100_000,
    hookTimeout: 300_000,
    reporters: [
      "default",
      skippedReporter,
      ...(report === undefined ? [] : [["json", { outputFile: report }] as ["json", { outputFile: string }]]),
    ],
  },
});
