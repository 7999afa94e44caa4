import type { Reporter, TestCase, TestModule } from "vitest/node";

/** Lists skipped tests by reason at the end, so that none is overlooked. */
export const skippedReporter: Reporter = {
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
