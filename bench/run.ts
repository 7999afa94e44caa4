/**
 * `npm run bench [-- SECTIONS...]`: runs all sections or those named, and prints one JSON object. Milliseconds are
 * medians on this machine; from one run to another, only ratios can be compared.
 */
import { benchBundles } from "./bundle.ts";
import { benchKernels } from "./kernels.ts";
import { benchRepairCpu } from "./repair-cpu.ts";
import { benchRepairMemory } from "./repair-memory.ts";
import { benchRepairWall } from "./repair-wall.ts";

/** Sections run one at a time, because they would slow each other down. A new benchmark needs one more line here. */
const sections: Readonly<Record<string, () => Promise<object>>> = {
  kernels: benchKernels,
  bundles: benchBundles,
  repairCpu: benchRepairCpu,
  repairMemory: benchRepairMemory,
  repairWall: benchRepairWall,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in sections));
if (unknown.length > 0) {
  console.error(
    `bench: expected sections among ${Object.keys(sections).join(", ")}, got ${unknown.join(", ")}`,
  );
  process.exit(2);
}

const report: Record<string, string | object> = { node: process.version, architecture: process.arch };
for (const [name, run] of Object.entries(sections)) {
  if (wanted.length === 0 || wanted.includes(name)) report[name] = await run();
}
console.log(JSON.stringify(report, null, 2));
