/** Writes the console's bundle to where a package carries it: `node scripts/bundle-console.ts`. A clone makes its own at each start. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BUNDLED, bundleConsole } from "../lib/console/console-assets.ts";

await rm(BUNDLED, { recursive: true, force: true });
await mkdir(BUNDLED, { recursive: true });
for (const [name, content] of await bundleConsole()) await writeFile(join(BUNDLED, name), content);
