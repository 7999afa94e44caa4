import { defineConfig } from "vitest/config";
import type { Reporter, TestCase, TestModule } from "vitest/node";

const report = process.env["SLABMEND_TEST_REPORT"];

/** Lists at the end what was not tested, by the reason, so that nothing is skipped unseen. */
const skipped: Reporter = {
  onTestRunEnd(modules: readonly TestModule[]) {
    const tests = modules.flatMap((module) => [...module.children.allTests("skipped")]);
    if (tests.length === 0) return;
    const lines = Object.entries(Object.groupBy(tests, reasonOf)).flatMap(([reason, of = []]) => [
      `* ${reason}`,
      ...of.map(({ fullName }) => `    ${fullName}`),
    ]);
    console.log(`\n${tests.length} tests were skipped:\n${lines.join("\n")}\n`);
  },
};

function reasonOf(test: TestCase): string {
  const result = test.result();
  return (result.state === "skipped" && result.note) || "no reason was given";
}

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
      skipped,
      ...(report === undefined ? [] : [["json", { outputFile: report }] as ["json", { outputFile: string }]]),
    ],
  },
});
