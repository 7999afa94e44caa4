/** Finds citations of this repository's files. Pure: the caller passes the texts and the existing files. */
import { posix } from "node:path";

/** Folders whose files are searched for citations, and are cited by their path from the root. */
export const FOLDERS = [
  "bench",
  "bin",
  "dev",
  "docs",
  "functions",
  "infra",
  "lib",
  "scripts",
  "test",
  "wasm",
] as const;

/**
 * Matches `lib/slab/ids.ts` and `docs/protocol.md#rhp4-costs`, but neither a part of a longer path or of a URL, nor
 * `docs/images/console-*`.
 */
const PATH = new RegExp(
  String.raw`(?<![\w@./$}:-])((?:${FOLDERS.join("|")})/[\w./-]*\w)(#[\w-]+)?(?![\w-]*[*{$])`,
  "g",
);
/** `[text](target)`, without web addresses. */
const LINK = /\]\((?!https?:|mailto:)([^)#\s]*)(#[^)\s]+)?\)/g;
/** Matches "decision 0011" and "[0011]", which both cite the file of a decision. */
const DECISION = /(?:\bdecisions?\s|\[)(\d{4})\b/g;
/** Matches `journal.ts`, without its folder or with a part of the folder's path; in documents only in backquotes. */
const FILE_NAME = {
  document: /`([\w./-]+\.(?:ts|tsx|sql|sh|md))`/g,
  comment: /(?<![\w./@*$}-])([\w-]+(?:\/[\w.-]+)*\.(?:ts|tsx|sql|sh|md))\b/g,
};
/**
 * Matches a heading that is cited by its text after a document's path. Every match counts as a broken citation: only a
 * heading's anchor can be checked, not its text.
 */
const LOOSE_HEADING = /docs\/[\w-]+\.md(?:, [A-Z]| ")/g;
/** Matches a comment of TypeScript, SQL or a shell, but only roughly: text in a string may match too. */
const COMMENT: Readonly<Record<string, RegExp>> = {
  ts: /\/\*[\s\S]*?\*\/|\/\/.*/g,
  sql: /--.*/g,
  sh: /#.*/g,
};
const KIND: Readonly<Record<string, string>> = {
  tsx: "ts",
  js: "ts",
  css: "ts",
  service: "sh",
  yml: "sh",
  yaml: "sh",
};

/** The repository as far as citations need it. */
export interface Repository {
  /** Whether a file or folder exists at this path from the root. */
  exists(path: string): boolean;
  /** The anchors of a document's headings; empty for any other file. */
  anchors(path: string): ReadonlySet<string>;
  /** Names of all files, without folders. */
  readonly fileNames: ReadonlySet<string>;
  /** Numbers of all decisions. */
  readonly decisions: ReadonlySet<string>;
}

/** The broken citations in `path`, each once, as written. In code only comments are searched. */
export function brokenCitations(path: string, text: string, repository: Repository): string[] {
  const isDocument = path.endsWith(".md");
  const cited = isDocument ? text : commentsOf(path, text);
  const broken = [
    ...[...cited.matchAll(PATH)]
      .filter(([, target = "", anchor]) => !leadsSomewhere(repository, target, anchor))
      .map(([citation]) => citation),
    ...[...cited.matchAll(LOOSE_HEADING)].map(([citation]) => citation),
    ...[...cited.matchAll(FILE_NAME[isDocument ? "document" : "comment"])]
      .filter(([, name = ""]) => !repository.fileNames.has(posix.basename(name)))
      .map(([citation]) => citation),
    ...(isDocument ? brokenInDocument(path, text, repository) : []),
  ];
  return [...new Set(broken)];
}

function brokenInDocument(path: string, text: string, repository: Repository): string[] {
  const links = [...text.matchAll(LINK)].filter(([, target = "", anchor]) => {
    const file = target === "" ? path : posix.join(posix.dirname(path), target);
    return !leadsSomewhere(repository, file, anchor);
  });
  const decisions = [...text.matchAll(DECISION)].filter(
    ([, number = ""]) => !repository.decisions.has(number),
  );
  return [...links, ...decisions].map(([citation]) => citation);
}

function leadsSomewhere(repository: Repository, path: string, anchor: string | undefined): boolean {
  if (!repository.exists(path)) return false;
  return anchor === undefined || repository.anchors(path).has(anchor.slice(1));
}

function commentsOf(path: string, text: string): string {
  const ending = posix.extname(path).slice(1);
  const comment = COMMENT[KIND[ending] ?? ending];
  return comment === undefined ? text : [...text.matchAll(comment)].map(([found]) => found).join("\n");
}

/** Anchors of a document's headings by GitHub's rules; repeated headings get `-1`, `-2`. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  const prose = markdown.replace(/^```[\s\S]*?^```/gm, "");
  for (const [, heading = ""] of prose.matchAll(/^#+ +(.*)$/gm)) {
    const anchor = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replace(/\s/g, "-");
    let unique = anchor;
    for (let again = 1; anchors.has(unique); again++) unique = `${anchor}-${again}`;
    anchors.add(unique);
  }
  return anchors;
}
