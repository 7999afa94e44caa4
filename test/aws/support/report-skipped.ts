import type { Reporter, TestCase, TestModule } from "vitest/node";

/** Lists at the end what was not tested, by the reason, so that nothing is skipped unseen. */
export default class SkippedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) => [...module.children.allTests("skipped")]);
    if (skipped.length === 0) return;
    const lines = Object.entries(Object.groupBy(skipped, reasonOf)).flatMap(([reason, tests = []]) => [
      `* ${reason}`,
      ...tests.map(({ fullName }) => `    ${fullName}`),
    ]);
    console.log(`\n${skipped.length} tests were skipped:\n${lines.join("\n")}\n`);
  }
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  return (result.state === "skipped" && result.note) || "no reason was given";
}
