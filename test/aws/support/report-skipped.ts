import type { Reporter, TestModule } from "vitest/node";

/** Lists at the end what was not tested and why, so that nothing is skipped unseen. */
export default class SkippedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const lines = modules.flatMap((module) =>
      [...module.children.allTests("skipped")].map((test) => {
        const result = test.result();
        const why = result.state === "skipped" ? (result.note ?? "no reason was given") : "";
        return `  ${test.fullName}\n    ${why}`;
      }),
    );
    if (lines.length > 0) console.log(`\n${lines.length} tests were skipped:\n${lines.join("\n")}\n`);
  }
}
