/**
 * Bundles a function as SST does for a deployment (docs/decisions/0027-aws.md#bundles): one ES module, bundle.mjs, and
 * next to it the files that it reads at run time. So tests and benchmarks run the deployed code.
 *
 *   node scripts/bundle.ts DIRECTORY      one folder per function
 */
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { BUNDLE_OPTIONS, FUNCTIONS, type FunctionName } from "../infra/function-settings.ts";

const REPOSITORY = fileURLToPath(new URL("../", import.meta.url));

/** SST puts these lines before every bundle, because CommonJS packages in it call `require` for Node's own modules. */
const BANNER = [
  `import { createRequire as topLevelCreateRequire } from 'module';`,
  `const require = topLevelCreateRequire(import.meta.url);`,
  `import { fileURLToPath as topLevelFileUrlToPath, URL as topLevelURL } from "url"`,
  `const __filename = topLevelFileUrlToPath(import.meta.url)`,
  `const __dirname = topLevelFileUrlToPath(new topLevelURL(".", import.meta.url))`,
  "",
].join("\n");

export interface Bundle {
  /** Absolute path of the module that exports `handler`. */
  readonly entry: string;
  /** File and export in the notation of Lambda's configuration: "bundle.handler". */
  readonly handler: string;
  readonly directory: string;
}

/** @throws esbuild's error if the function cannot be bundled */
export async function bundleFunction(name: FunctionName, directory: string): Promise<Bundle> {
  const { handler, copyFiles } = FUNCTIONS[name];
  const [, file, exported] = /^(.*)\.([^.]+)$/.exec(handler) ?? [];
  await mkdir(directory, { recursive: true });
  const entry = join(directory, "bundle.mjs");
  await build({
    entryPoints: [join(REPOSITORY, `${file}.ts`)],
    outfile: entry,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "es2024",
    mainFields: ["module", "main"],
    external: ["sharp", "pg-native"],
    keepNames: true,
    minify: BUNDLE_OPTIONS.minify,
    banner: { js: BANNER },
    logLevel: "silent",
    absWorkingDir: REPOSITORY,
  });
  for (const { from, to } of copyFiles) await copyFile(join(REPOSITORY, from), join(directory, to));
  return { entry, handler: `bundle.${exported}`, directory };
}

if (import.meta.main) {
  const [directory] = process.argv.slice(2);
  if (directory === undefined) {
    console.error("bundle: expected a directory, got nothing");
    process.exit(2);
  }
  for (const name of Object.keys(FUNCTIONS) as FunctionName[]) {
    const { entry } = await bundleFunction(name, join(directory, name));
    console.log(entry);
  }
}
