import { describe, expect, it } from "vitest";
import { createProgress, formatBytes, formatSeconds, formatSiacoins } from "../../../dev/demo/progress.ts";

function record(terminal: { isTTY?: boolean; columns?: number }) {
  let text = "";
  const out = {
    ...terminal,
    write(part: string | Uint8Array) {
      text += String(part);
      return true;
    },
  };
  return { out, text: () => text };
}

describe("progress", () => {
  it("progress on a terminal is one overwritten line, cut to the width, above which permanent lines appear", () => {
    const { out, text } = record({ isTTY: true, columns: 9 });
    const progress = createProgress(out);
    progress.status("0123456789");
    progress.line("stays");
    progress.clear();
    progress.line("end");
    const erase = "\r\u001b[2K";
    expect(text()).toBe(`${erase}01234567${erase}stays\n01234567${erase}${erase}end\n`);
  });

  it("progress without a terminal is plain lines, with at most one status in five seconds", () => {
    const { out, text } = record({});
    let nowMs = 1_000_000;
    const progress = createProgress(out, () => nowMs);
    progress.status("one");
    progress.status("two");
    nowMs += 5_000;
    progress.status(["three", "and a half"]);
    progress.clear();
    progress.status("four");
    expect(text()).toBe("one\nthree\nfour\n");
  });

  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1.0 kB"],
    [4_194_304, "4.2 MB"],
    [193_000_000, "193 MB"],
    [999_600_000, "1.0 GB"],
    [12_345_678_901, "12 GB"],
  ])("%d bytes are %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [0n, "0.000000 SC"],
    [221_668_966_399_938_259_845_120n, "0.221668 SC"],
    [12n * 10n ** 24n, "12.000000 SC"],
  ])("%d hastings are %s", (hastings, text) => {
    expect(formatSiacoins(hastings)).toBe(text);
  });

  it.each([
    [-1, "0 s"],
    [59.4, "59 s"],
    [61, "1 min 1 s"],
  ])("%d seconds are %s", (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });
});
