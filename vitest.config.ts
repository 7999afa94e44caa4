import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { LIMITS } from "./test/support/vitest-limits.ts";

// Inherited by every process that the tests start.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL(".slabmend/compile-cache", import.meta.url));

const report = process.env["SLABMEND_TEST_REPORT"];

/** Each has a configuration and a script of its own. */
const OTHER_SUITES = [
  "test/interop/**",
  "test/infra/**",
  "test/aws/**",
  "test/browser/**",
  "test/prometheus/**",
  "test/**/*.slow.test.ts",
];
/** Where a secret could leave slabmend: what these tests let out is searched. */
export const SEARCHED = ["functions", "cli", "bundle", "dev/demo", "canary"].map(
  (folder) => `test/${folder}/**/*.test.ts`,
);

export default defineConfig({
  test: {
    globalSetup: ["test/support/choose-seed.ts", "test/support/global-setup.ts"],
    // Many tests wait for processes and limits most of their time: two cores have room for a third.
    maxWorkers: 3,
    // CI counts the tests from the report.
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
    projects: [
      {
        test: {
          name: "code",
          include: ["test/**/*.test.ts"],
          exclude: [...OTHER_SUITES, ...SEARCHED],
          setupFiles: ["test/support/seed-properties.ts"],
          // A test file leaves nothing behind in its process, so that the next one can run there: a start of Node saved
          // for each.
          isolate: false,
          ...LIMITS,
        },
      },
      {
        test: {
          name: "searched",
          include: SEARCHED,
          exclude: OTHER_SUITES,
          setupFiles: ["test/support/seed-properties.ts", "test/canary/setup.ts"],
          ...LIMITS,
        },
      },
    ],
  },
});
