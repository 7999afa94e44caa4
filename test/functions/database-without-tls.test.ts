/** No function sends a password unencrypted to a public host. */
import type { Context } from "aws-lambda";
import { afterEach, expect, test, vi } from "vitest";
import { createClaimHandler } from "../../functions/claim.ts";
import { createReapHandler } from "../../functions/reap.ts";
import { ConfigurationError } from "../../lib/config/configuration-error.ts";
import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../../lib/slab/ids.ts";
import { openRepairEnvironment } from "../../lib/worker/open-repair-environment.ts";

const PASSWORD = "hunter2canary";
const VARIABLES = {
  SLABMEND_DATABASE_URL: `postgres://u:${PASSWORD}@8.8.8.8/indexd?sslmode=prefer`,
  SLABMEND_MIGRATION_SEED: "11".repeat(32),
  SLABMEND_QUEUE_URL: "http://127.0.0.1:1/repairs",
  SLABMEND_DEAD_LETTER_QUEUE_URL: "http://127.0.0.1:1/dead",
  SLABMEND_LOG_LEVEL: "silent",
  AWS_REGION: "eu-central-1",
} as const;
const context = { getRemainingTimeInMillis: () => 5_000 } as Context;
const task = {
  slabId: parseSlabId("1"),
  digest: parseSlabDigest("00".repeat(32)),
  token: parseLeaseToken("6f1c3e52-9a5c-4c1e-8a55-3f0a6f0f7a11"),
};

async function repairOnce(): Promise<unknown> {
  const environment = openRepairEnvironment({ variables: VARIABLES });
  try {
    return await environment.repair(task, { id: "test", remainingMs: 5_000 });
  } finally {
    await environment.close();
  }
}

afterEach(() => vi.unstubAllEnvs());

test.each([
  ["claim", async () => createClaimHandler()({}, context)],
  ["reap", async () => createReapHandler()({}, context)],
  ["repair", repairOnce],
])("%s refuses the URL with what was expected and without the password", async (_name, run) => {
  for (const [name, value] of Object.entries(VARIABLES)) vi.stubEnv(name, value);
  const error = await run().catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ConfigurationError);
  expect((error as ConfigurationError).problems).toEqual([
    {
      name: "SLABMEND_DATABASE_URL",
      expected: "TLS to the public host 8.8.8.8 (?sslmode=verify-full)",
      got: "an sslmode that may fall back to no TLS",
    },
  ]);
  expect((error as ConfigurationError).message).not.toContain(PASSWORD);
});
