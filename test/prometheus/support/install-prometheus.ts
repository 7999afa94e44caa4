/** Unpacks Prometheus before the test suites run. If that fails, the run ends with the reason. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";

const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));

declare module "vitest" {
  interface ProvidedContext {
    /** The folder with prometheus and promtool. */
    prometheusBinaries: string;
  }
}

export default function setup(project: TestProject): void {
  const { status, stderr, error } = spawnSync("bash", ["scripts/install-prometheus.sh"], {
    cwd: REPOSITORY,
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (status !== 0) throw new Error(`Prometheus could not be installed:\n${error?.message ?? stderr}`);
  const folder = process.env["SLABMEND_PROMETHEUS"] || join(REPOSITORY, ".slabmend/prometheus");
  project.provide("prometheusBinaries", join(folder, "usr/bin"));
}
