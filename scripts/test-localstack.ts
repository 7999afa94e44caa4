/**
 * `npm run test:localstack`: starts compose.yaml's LocalStack, runs the endpoint suite against it and stops it. Without
 * Docker, scripts/install-emulators.sh installs the same LocalStack for `npm run test:aws`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../", import.meta.url));
const PORT = process.env["LOCALSTACK_PORT"] || "4566";

/** Runs a command and returns its exit code, or 127 if the command does not exist. */
async function run(
  command: string,
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<number> {
  const child = spawn(command, args, {
    cwd: REPOSITORY,
    env: { ...process.env, ...environment },
    stdio: "inherit",
  });
  const [code] = (await once(child, "close").catch(() => [127])) as [number | null];
  return code ?? 1;
}

// Ctrl+C reaches the tests too; the containers are stopped afterwards.
process.on("SIGINT", () => {});
if ((await run("docker", ["compose", "up", "--detach", "--wait"])) !== 0) {
  console.error(
    "test:localstack: expected Docker with its compose plugin, and a running engine. Without Docker:\n" +
      "  scripts/install-emulators.sh localstack && npm run test:aws",
  );
  await run("docker", ["compose", "down", "--volumes"]);
  process.exit(1);
}
const code = await run(
  join(REPOSITORY, "node_modules/.bin/vitest"),
  ["run", "--config", "vitest.aws.config.ts"],
  {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${PORT}`,
  },
).finally(() => run("docker", ["compose", "down", "--volumes"]));
process.exit(code);
