/**
 * Makes the folder for `npm pack`: the compiled code, the files that this code reads at run time, the browser console,
 * and the package's manifest.
 *
 *   node scripts/build-package.ts FOLDER
 *
 * The clone's own manifest is not published, because it is for development: its dependencies include the deployment
 * (sst), Node and the AWS clients, and its scripts run TypeScript directly. docs/decisions/0026-package-and-release.md.
 */
import { execFile } from "node:child_process";
import { copyFile, glob, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { bundleConsole } from "../lib/console/console-assets.ts";

const REPOSITORY = fileURLToPath(new URL("../", import.meta.url));
/** Files read at run time by the code next to them. */
const DATA = "lib/**/*.{sql,wasm}";
const AS_THEY_ARE = ["bin/slabmend.js", "bin/require-installed.js", "README.md", "CHANGELOG.md", "LICENSE"];
/** Packages that only the fleet on AWS needs; the command line says so if they are missing. */
const OPTIONAL = /^(@aws-sdk\/|sqs-consumer$)/;
/** Packages for the clone only: deployments are made from the clone, and a package cannot install its own Node. */
const OF_THE_CLONE: readonly string[] = ["sst", "node"];
const LEAST_NODE = ">=24";

type Versions = Readonly<Record<string, string>>;

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly type: string;
  readonly bin: Versions;
  readonly dependencies: Versions;
}

/** Derives the published manifest from the clone's. Pure. */
export function packageManifest(clone: Manifest) {
  const pick = (wanted: (name: string) => boolean): Record<string, string> =>
    Object.fromEntries(Object.entries(clone.dependencies).filter(([name]) => wanted(name)));
  const optional = pick((name) => OPTIONAL.test(name));
  const { name, version, description, license, type, bin } = clone;
  return {
    name,
    version,
    description,
    license,
    type,
    bin,
    files: ["bin", "dist"],
    engines: { node: LEAST_NODE },
    dependencies: pick((one) => !OPTIONAL.test(one) && !OF_THE_CLONE.includes(one)),
    peerDependencies: optional,
    peerDependenciesMeta: Object.fromEntries(Object.keys(optional).map((one) => [one, { optional: true }])),
  };
}

/** Makes the folder and removes its earlier content. */
export async function buildPackage(folder: string): Promise<Manifest> {
  const dist = join(folder, "dist");
  await rm(folder, { recursive: true, force: true });
  await mkdir(dist, { recursive: true });
  const tsc = join(REPOSITORY, "node_modules", "typescript", "bin", "tsc");
  const args = [tsc, "--project", join(REPOSITORY, "tsconfig.package.json"), "--outDir", dist];
  await promisify(execFile)(process.execPath, args, { cwd: REPOSITORY }).catch(
    (error: { stdout?: string }) => {
      throw new Error(`tsc: ${error.stdout}`);
    },
  );
  for await (const file of glob(DATA, { cwd: REPOSITORY })) {
    await mkdir(dirname(join(dist, file)), { recursive: true });
    await copyFile(join(REPOSITORY, file), join(dist, file));
  }
  const bundled = join(dist, "lib", "console", "bundled");
  await mkdir(bundled, { recursive: true });
  for (const [name, content] of await bundleConsole()) await writeFile(join(bundled, name), content);
  for (const file of AS_THEY_ARE) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await copyFile(join(REPOSITORY, file), join(folder, file));
  }
  await refuseTypeScriptPaths(dist);
  const clone = JSON.parse(await readFile(join(REPOSITORY, "package.json"), "utf8")) as Manifest;
  const manifest = packageManifest(clone);
  await writeFile(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/** Fails if a string names a TypeScript file: the compiler rewrites only imports, so the file would not be found. */
async function refuseTypeScriptPaths(dist: string): Promise<void> {
  for await (const file of glob("**/*.js", { cwd: dist })) {
    const [path] = /["'`]\.{1,2}\/[./\w-]*\.tsx?["'`]/.exec(await readFile(join(dist, file), "utf8")) ?? [];
    if (path === undefined) continue;
    throw new Error(
      `${file}: expected no path of a TypeScript file, got ${path}; take the ending from import.meta.filename`,
    );
  }
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) {
    console.error("build-package: expected a folder, got nothing");
    process.exit(2);
  }
  const { name, version } = await buildPackage(resolve(folder));
  console.log(`${name} ${version} is in ${folder}; npm pack ${folder} packs it`);
}
