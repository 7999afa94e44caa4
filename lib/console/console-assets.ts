/**
 * The console's files: one page, one script, one style sheet, one icon. In a Git clone, esbuild bundles them in about
 * 0.2 s when the server starts. A package contains the bundle in the folder BUNDLED, made by scripts/build-package.ts.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface ConsoleAsset {
  readonly content: Uint8Array;
  /** The value of content-type. */
  readonly type: string;
  /** With quotes. */
  readonly etag: string;
  /** True: the file's name changes with its content, so browsers may cache it forever. */
  readonly immutable: boolean;
}

/**
 * Directives of the Content-Security-Policy of the page: it loads its own files and talks to its own server, nothing
 * else.
 */
export const CONSOLE_POLICY = {
  "default-src": ["'none'"],
  "script-src": ["'self'"],
  "style-src": ["'self'"],
  "img-src": ["'self'"],
  "connect-src": ["'self'"],
  "base-uri": ["'none'"],
  "form-action": ["'none'"],
  "frame-ancestors": ["'none'"],
  "require-trusted-types-for": ["'script'"],
  "trusted-types": ["'none'"],
} as const;

const SOURCES = fileURLToPath(new URL("browser/", import.meta.url));

/** The bundle from scripts/build-package.ts; a clone has none. */
const BUNDLED = fileURLToPath(new URL("bundled/", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  html: "text/html; charset=utf-8",
  svg: "image/svg+xml",
};

/**
 * @param folder where a package keeps the bundle
 * @returns assets by their paths on the server: `/`, `/assets/…`
 * @throws esbuild's error if a clone's sources cannot be bundled
 */
export async function consoleAssets(folder = BUNDLED): Promise<ReadonlyMap<string, ConsoleAsset>> {
  const files = (await readBundled(folder)) ?? (await bundleConsole());
  return new Map([...files].map(([name, content]) => [pathOf(name), assetOf(name, content)]));
}

/** Bundles the console. Returns its files by name: index.html, and the others with a hash in their names. */
export async function bundleConsole(): Promise<ReadonlyMap<string, Uint8Array>> {
  // This runs only in a Git clone, where the devDependencies are installed.
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: { console: join(SOURCES, "main.tsx"), style: join(SOURCES, "styles/console.css") },
    outdir: SOURCES,
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    target: ["chrome123", "firefox121", "safari17.5"],
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "silent",
  });
  const files = new Map<string, Uint8Array>();
  let page = await readFile(join(SOURCES, "index.html"), "utf8");
  const add = (placeholder: string, extension: string, content: Uint8Array) => {
    const name = `console-${createHash("sha256").update(content).digest("hex").slice(0, 12)}.${extension}`;
    files.set(name, content);
    page = page.replace(placeholder, `/assets/${name}`);
  };
  for (const { path, contents } of outputFiles) {
    if (path.endsWith(".js")) add("/assets/console.js", "js", contents);
    else add("/assets/console.css", "css", contents);
  }
  add("/assets/favicon.svg", "svg", await readFile(join(SOURCES, "favicon.svg")));
  files.set("index.html", Buffer.from(page));
  return files;
}

async function readBundled(folder: string): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
  const names = await readdir(folder).catch((): string[] => []);
  if (!names.includes("index.html")) return undefined;
  const contents = await Promise.all(names.map((name) => readFile(join(folder, name))));
  return new Map(names.map((name, index) => [name, contents[index]!]));
}

const pathOf = (name: string) => (name === "index.html" ? "/" : `/assets/${name}`);

function assetOf(name: string, content: Uint8Array): ConsoleAsset {
  return {
    content,
    type: TYPES[name.split(".").at(-1)!]!,
    etag: `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`,
    immutable: name !== "index.html",
  };
}
