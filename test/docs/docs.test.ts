import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeVariables } from "../../lib/config/describe-variables.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const documents = [
  "README.md",
  ...readdirSync(join(root, "docs"), { recursive: true }).map((name) => `docs/${name}`),
].filter((path) => path.endsWith(".md"));

test("docs/configuration.md equals the table of variables that the code generates", () => {
  expect(read("docs/configuration.md")).toBe(describeVariables());
});

test.each(documents)("every script that %s names exists", (path) => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const named = [...read(path).matchAll(/npm run ([a-z][a-z0-9:-]*)/g)].map(([, name]) => name ?? "");
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
});

/** Finds the options of `npm run demo -- ...`, which a row may name as its evidence instead of a test. */
const DEMO = /`npm run demo -- ([^`]*)`/g;

test("each row of docs/failure-modes.md names its evidence, and every demo option in it exists", () => {
  const page = read("docs/failure-modes.md");
  const rows = page
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^\| (what (fails|happens) |---)/.test(line))
    .map((line) => line.split(" | ").map((cell) => cell.replace(/^\||\|$/g, "").trim()));
  expect(rows.length).toBeGreaterThan(40);
  const refersToAnother = (cells: readonly string[]): boolean => /^(see |nothing yet)/.test(cells[1] ?? "");
  const unshown = rows.filter(
    (cells) => !refersToAnother(cells) && !/test\/|npm run demo/.test(cells.at(-1) ?? ""),
  );
  expect(unshown.map(([what]) => what)).toEqual([]);
  const demo = read("dev/demo/demo-options.ts");
  const flags = [...page.matchAll(DEMO)].flatMap(([, flags = ""]) => flags.match(/--[a-z-]+/g) ?? []);
  expect(flags.filter((flag) => !demo.includes(`"${flag}"`))).toEqual([]);
});

test("docs/troubleshooting.md has every line that status may print under attention, and each outcome that repairs nothing", () => {
  const page = read("docs/troubleshooting.md");
  const attention = read("lib/reports/status-attention.ts");
  const codes = [...attention.matchAll(/^ +"([a-z]+-[a-z-]+)",$/gm)].map(([, code = ""]) => code);
  expect(codes.length).toBeGreaterThan(10);
  const outcomes = ["no-candidates", "underfunded", "too-few-sources", "fault"];
  expect([...codes, ...outcomes].filter((code) => !page.includes(`\`${code}\``))).toEqual([]);
});
