/**
 * Evaluates the real sst.config.ts with SST's own sources and Pulumi's mocks. It does so in a separate process, because
 * sst.config.ts uses globals.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Evaluation, EvaluationRequest } from "./evaluation.ts";

const run = promisify(execFile);

export const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));
export const PLATFORM = join(REPOSITORY, ".sst/platform");

/**
 * Creates .sst/platform if it is missing. SST's package contains all files of the platform, except the npm packages
 * that the platform needs.
 */
export async function installPlatform(): Promise<void> {
  if (existsSync(join(PLATFORM, "node_modules/@pulumi/aws")) && existsSync(join(PLATFORM, "config.d.ts")))
    return;
  await run(join(REPOSITORY, "node_modules/.bin/sst"), ["install", "--stage", "test"], {
    cwd: REPOSITORY,
    env: {
      ...process.env,
      SST_SKIP_DEPENDENCY_CHECK: "1",
      NO_BUN: "1",
      SST_TELEMETRY_DISABLED: "1",
    },
  });
}

export const SECRETS = {
  DefaultDatabaseUrl: "postgres://slabmend:canary-password@db.example.com/indexd?sslmode=verify-full",
  DefaultMigrationSeed: "c0".repeat(32),
} as const;

export const ENVIRONMENT = { SLABMEND_ALARM_EMAIL: "operator@example.com" } as const;

/**
 * Evaluates sst.config.ts with a new folder for bundles and zip files. Calls `keep` with the folder, then removes the
 * folder.
 */
export async function evaluate(
  request: Partial<Omit<EvaluationRequest, "folder">> = {},
  keep: (folder: string) => Promise<void> = async () => {},
): Promise<Evaluation> {
  const folder = await mkdtemp(join(tmpdir(), "slabmend-infra-"));
  try {
    const complete: EvaluationRequest = {
      stage: "production",
      environment: ENVIRONMENT,
      secrets: SECRETS,
      ...request,
      folder,
    };
    await writeFile(join(folder, "request.json"), JSON.stringify(complete));
    await run(process.execPath, [fileURLToPath(new URL("evaluate-process.ts", import.meta.url)), folder], {
      cwd: REPOSITORY,
      // The caller's environment must not affect the deployment.
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: folder,
        TMPDIR: tmpdir(),
        ...complete.environment,
        ...Object.fromEntries(
          Object.entries(complete.secrets).map(([name, value]) => [`SST_SECRET_${name}`, value]),
        ),
      },
      maxBuffer: 64 * 1_048_576,
      timeout: 100_000,
    }).catch((error: unknown) => {
      // After a refusal the process writes its answer, but then exits with an error, because outputs of Pulumi are
      // still pending.
      if (!existsSync(join(folder, "evaluation.json"))) throw error;
    });
    await keep(folder);
    return JSON.parse(await readFile(join(folder, "evaluation.json"), "utf8")) as Evaluation;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
