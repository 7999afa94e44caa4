import { parseEnv } from "node:util";
import { describe, expect, test } from "vitest";
import { editVariables } from "../../../lib/cli/commands/setup/edit-variables.ts";

describe("editing a variables file", () => {
  test.each([
    ["an empty file", "", { A: "1" }, "A=1\n"],
    ["a file without a final line break", "B=2", { A: "1" }, "B=2\nA=1\n"],
    ["a value in its place", "# first\nA=0\nB=2 # kept\n", { A: "1" }, "# first\nA=1\nB=2 # kept\n"],
    ["an exported, quoted value", "export A = 'x y' # old\nB=2\n", { A: "1" }, "A=1\nB=2\n"],
    ["a value over several lines", 'A="x\ny"\nB=2\n', { A: "1" }, "A=1\nB=2\n"],
    ["every line of a repeated name", "A=0\nB=2\nA=3\n", { A: "1" }, "A=1\nB=2\nA=1\n"],
    ["a value with a space", "", { A: "/etc/my ca.pem" }, "A='/etc/my ca.pem'\n"],
    ["a value with # and '", "", { A: "a#'b" }, 'A="a#\'b"\n'],
    ["a value with $, which String.replace would interpret", "A=0\n", { A: "x$&y" }, "A=x$&y\n"],
    ["a value with a line break", "", { A: "'a\nB=1" }, 'A="\'a\nB=1"\n'],
    ["names with a common prefix", "AB=1\n#A=5\n", { A: "2" }, "AB=1\n#A=5\nA=2\n"],
    ["the line ends of Windows", "A=0\r\nB=2\r\n", { A: "1" }, "A=1\r\nB=2\r\n"],
  ])("%s", (_what, before, changes: Record<string, string>, after) => {
    expect(editVariables(before, changes, "f")).toBe(after);
    expect({ ...parseEnv(after) }).toEqual({ ...parseEnv(before), ...changes });
  });

  test.each([
    ["a value with every quote", "", { A: "a'b\"c`d e" }],
    // The value contains ' and `, so only double quotes could enclose it, but its \n would be a line break within them.
    ["a backslash that would be read as another character", "", { A: "a\\n'b`" }],
    // What follows the open quote would be a part of B's value.
    ["a quote that is never closed", 'B="\nA=0\n', { A: '"' }],
  ])("setup refuses %s without printing its content", (_what, before, changes: Record<string, string>) => {
    expect(() => editVariables(before, changes, "the file")).toThrow(
      expect.objectContaining({ code: "variables-file-unfit", message: expect.not.stringContaining("a'b") }),
    );
  });
});
