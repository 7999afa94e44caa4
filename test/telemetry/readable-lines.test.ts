import { expect, test } from "vitest";
import { SlabmendError } from "../../lib/errors/slabmend-error.ts";
import { chooseLogFormat, logDestination } from "../../lib/telemetry/log-format.ts";
import { createLogger } from "../../lib/telemetry/logger.ts";
import { toReadableLines } from "../../lib/telemetry/readable-lines.ts";

test.each([
  [{ asked: undefined, json: false, isTerminal: true }, "lines"],
  [{ asked: undefined, json: false, isTerminal: false }, "json"],
  [{ asked: undefined, json: true, isTerminal: true }, "json"],
  [{ asked: "lines", json: false, isTerminal: false }, "lines"],
  [{ asked: "json", json: false, isTerminal: true }, "json"],
  [{ asked: "lines", json: true, isTerminal: true }, "json"],
  [{ asked: "pretty", json: false, isTerminal: true }, "lines"],
] as const)("%j logs as %s", (given, expected) => {
  expect(chooseLogFormat(given)).toBe(expected);
});

/** The printed lines, without the time at their beginning. */
function shown(log: (logger: ReturnType<typeof createLogger>) => void, isTTY = false): string {
  let text = "";
  const output = { isTTY, write: (line: string) => (text += line) };
  log(createLogger("info", { indexer: "main", destination: logDestination("lines", output, {}) }));
  return text.replaceAll(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d /gm, "");
}

test("a readable line has level, message and the non-empty fields", () => {
  const line = shown((logger) =>
    logger.info(
      {
        slab: "12",
        kind: "repaired",
        copied: 0,
        rebuilt: 2,
        ourFault: undefined,
        meter: { bytesRead: 8, hastings: "5", phasesMs: { plan: 3 } },
        budgetStops: ["repairs", "siacoins"],
        moves: [{ index: 1 }, { index: 2 }],
        host: "ab".repeat(32),
        reason: "upgrade of indexd",
      },
      "a repair ended",
    ),
  );
  expect(line).toBe(
    'INFO  a repair ended  slab=12 kind=repaired rebuilt=2 bytesRead=8 budgetStops=repairs,siacoins moves=2 host=abababababababab… reason="upgrade of indexd"\n',
  );
});

test("a readable error has its causes and remedy, without a stack", () => {
  const cause = Object.assign(new Error("terminating connection"), { code: "57P01" });
  const error = new SlabmendError({
    code: "example",
    message: "slab: expected one, got two",
    remedy: "Look at it.",
    details: {},
    cause,
  });
  const indent = " ".repeat(26);
  expect(shown((logger) => logger.error({ error, slab: "7" }, "failed"))).toBe(
    [
      "ERROR failed  slab=7",
      `${indent}SlabmendError (example): slab: expected one, got two`,
      `${indent}Look at it.`,
      `${indent}caused by Error (57P01): terminating connection`,
      "",
    ].join("\n"),
  );
});

test.each(["\u001b[2J", "\r\n2026-11-30 09:41:02 INFO  all is well", "\u0007", "\u202e"])(
  "control characters from a host (%j) are not printed",
  (text) => {
    const line = shown((logger) =>
      logger.warn({ why: `a${text}b`, error: new Error(`a${text}b`), [`a${text}`]: 1 }, `a${text}b`),
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for.
    expect(line).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(line.trimEnd().split("\n")).toHaveLength(2);
  },
);

test("important levels are coloured only at a terminal", () => {
  const warn = (logger: ReturnType<typeof createLogger>) => logger.warn("beware");
  expect(shown(warn, true)).toBe("\u001b[33mWARN \u001b[39m beware\n");
  expect(shown(warn, false)).toBe("WARN  beware\n");
});

test("text that is not a log line is printed unchanged", () => {
  expect(toReadableLines("Segmentation fault\n", { colours: true })).toBe("Segmentation fault\n");
});
