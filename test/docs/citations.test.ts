/**
 * Files, folders, headings and decisions that documents and comments cite exist, and no comment has a line above 120
 * columns.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { anchorsOf, brokenCitations, FOLDERS, type Repository } from "./citations.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** Folders made by installations, builds and operators, which are not searched. */
const NOT_OURS = /(^|\/)(node_modules|target|dist)\//;
const SEARCHED = /\.(md|ts|tsx|js|css|sql|sh|yml|yaml|service)$/;

/** Paths in documents and comments that the repository does not contain, with the reason. */
const NAMED_ONLY: Readonly<Record<string, string>> = {
  "infra/container/password.txt": "the operator makes it",
  "vpc.ts": "SST's",
  "test/aws/emulators/NAME.txt": "a placeholder",
  "test/interop/sdk/NAME.txt": "a placeholder",
};

const files = [
  ...readdirSync(root).filter((name) => SEARCHED.test(name)),
  ...FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((name) => `${folder}/${name}`),
  ).filter((path) => !NOT_OURS.test(path)),
];
/** The files to search, without this file: its examples are broken on purpose. */
const searched = files.filter((path) => SEARCHED.test(path) && path !== "test/docs/citations.test.ts");
const decisions = files.filter((path) => /^docs\/decisions\/\d{4}-[a-z0-9-]+\.md$/.test(path));
const anchors = new Map<string, Set<string>>();

const repository: Repository = {
  exists: (path) => path in NAMED_ONLY || existsSync(join(root, path)),
  anchors(path) {
    if (!path.endsWith(".md")) return new Set();
    const known = anchors.get(path) ?? anchorsOf(read(path));
    anchors.set(path, known);
    return known;
  },
  fileNames: new Set([...files, ...Object.keys(NAMED_ONLY)].map((path) => basename(path))),
  decisions: new Set(decisions.map((path) => basename(path).slice(0, 4))),
};

test("every file, heading and decision cited in documents and comments exists", () => {
  expect(searched.length).toBeGreaterThan(1000);
  const broken = searched.flatMap((path) =>
    brokenCitations(path, read(path), repository).map((citation) => `${path}: ${citation}`),
  );
  expect(broken).toEqual([]);
});

test("no line of a comment has more than 120 columns", () => {
  // Exempt are linters' directives and URLs, which must be one line, and generated files, which are as their generators
  // write them.
  const maybeLong = /biome-ignore|@ts-expect-error|shellcheck|https?:/;
  const generated = "lib/console/browser/openapi/schema.ts";
  const commented = searched.filter((path) => !path.endsWith(".md") && path !== generated);
  const long = commented.flatMap((path) =>
    read(path)
      .split("\n")
      .flatMap((line, n) =>
        line.length > 120 && /^\s*(\/\/|\/?\*|--|#)/.test(line) && !maybeLong.test(line)
          ? [`${path}:${n + 1}`]
          : [],
      ),
  );
  expect(long).toEqual([]);
});

describe("docs/decisions", () => {
  const index = read("docs/decisions/README.md");
  const rows = [...index.matchAll(/^\| \[(\d{4})\]\((\d{4}-[a-z0-9-]+\.md)\) *\|([^|]+)\|([^|]+)\|$/gm)];

  test("the index of decisions has one line for each decision", () => {
    expect(rows.map(([, , file]) => `docs/decisions/${file}`).sort()).toEqual([...decisions].sort());
    expect(rows.filter(([, number, file]) => !file?.startsWith(`${number}-`))).toEqual([]);
  });

  test.each(decisions)("%s begins with its number and has the status that the index lists", (path) => {
    const text = read(path);
    const number = basename(path).slice(0, 4);
    expect(text).toMatch(new RegExp(`^# ${number}: `));
    const status = /^\*\*Status:\*\* (in force|proposed|replaced)\b/m.exec(text)?.[1];
    const row = rows.find(([, listed]) => listed === number);
    expect(row?.[4]?.trim().startsWith(status ?? "no status")).toBe(true);
  });
});

describe("brokenCitations", () => {
  const small: Repository = {
    exists: (path) =>
      ["docs/protocol.md", "lib/slab", "lib/slab/ids.ts", "docs/decisions/0001-one.md"].includes(path),
    anchors: (path) => (path === "docs/protocol.md" ? new Set(["merkle-trees"]) : new Set()),
    fileNames: new Set(["ids.ts", "protocol.md", "0001-one.md"]),
    decisions: new Set(["0001"]),
  };

  test.each([
    ["a file", "docs/a.md", "See lib/slab/ids.ts.", []],
    ["a folder", "docs/a.md", "See `lib/slab`, which has it.", []],
    ["a missing file", "docs/a.md", "See lib/slab/old.ts.", ["lib/slab/old.ts"]],
    ["a heading", "lib/b.ts", "// docs/protocol.md#merkle-trees: how", []],
    ["a missing heading", "lib/b.ts", "// docs/protocol.md#roots: how", ["docs/protocol.md#roots"]],
    ["a heading as text", "lib/b.ts", "// docs/protocol.md, Merkle trees", ["docs/protocol.md, M"]],
    ["a decision", "lib/b.sql", "-- docs/decisions/0001-one.md", []],
    ["a decision by its number alone", "lib/b.sql", "-- docs/decisions/0001", ["docs/decisions/0001"]],
    ["a string in code", "lib/b.ts", 'const part = "lib/slab/no";', []],
    ["a path in a shell's comment", "scripts/c.sh", "# runs lib/no.ts\nrun lib/never.ts", ["lib/no.ts"]],
    ["a relative link", "docs/decisions/x.md", "[here](../protocol.md#merkle-trees)", []],
    ["a broken relative link", "docs/decisions/x.md", "[here](protocol.md)", ["](protocol.md)"]],
    ["a link to a missing heading", "docs/a.md", "[x](protocol.md#x)", ["](protocol.md#x)"]],
    ["a link within its page", "docs/protocol.md", "[x](#merkle-trees) [y](#y)", ["](#y)"]],
    ["a link to the web", "docs/a.md", "[x](https://example.org/lib/none.ts)", []],
    ["decisions by number", "docs/a.md", "decision 0001, decision 0002, [0003]", ["decision 0002", "[0003"]],
    ["a file's name", "docs/a.md", "`ids.ts` and `slab/none.ts`", ["`slab/none.ts`"]],
    [
      "a file's name in a comment",
      "lib/b.ts",
      "// ids.ts, none.sql and slab/gone.ts.",
      ["none.sql", "slab/gone.ts"],
    ],
    ["several files together, of which only the folder counts", "docs/a.md", "lib/slab/id-*.ts", []],
  ])("%s", (_what, path, text, broken) => {
    expect(brokenCitations(path, text, small)).toEqual(broken);
  });
});

test("anchorsOf makes the same anchors as GitHub", () => {
  const page =
    "# A page\n\n## RHP4 VerifySector, AccountBalance\n\n```sh\n# no heading\n```\n\n## `doctor` [here](x.md)\n## A page\n";
  expect([...anchorsOf(page)]).toEqual([
    "a-page",
    "rhp4-verifysector-accountbalance",
    "doctor-here",
    "a-page-1",
  ]);
});
