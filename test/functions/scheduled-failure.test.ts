/**
 * If a scheduled function cannot reach its database, it throws an error, which Lambda logs and returns to the caller.
 */
import type { Context } from "aws-lambda";
import { afterEach, expect, test, vi } from "vitest";
import { createClaimHandler } from "../../functions/claim.ts";
import { createReapHandler } from "../../functions/reap.ts";

const PASSWORD = "hunter2canary";
const context = { getRemainingTimeInMillis: () => 5_000 } as Context;

/**
 * Ports without a listener. Each function has its own port, because after many failed connections to a port our client
 * delays further connections to it.
 */
const PORTS = { claim: 1, reap: 2 } as const;

afterEach(() => vi.unstubAllEnvs());

test.each([
  ["claim", createClaimHandler],
  ["reap", createReapHandler],
] as const)("%s reports the code of a failure without the library's text", async (name, create) => {
  for (const [variable, value] of Object.entries({
    SLABMEND_DATABASE_URL: `postgres://u:${PASSWORD}@127.0.0.1:${PORTS[name]}/indexd`,
    SLABMEND_QUEUE_URL: "http://127.0.0.1:1/repairs",
    SLABMEND_DEAD_LETTER_QUEUE_URL: "http://127.0.0.1:1/dead",
    SLABMEND_LOG_LEVEL: "silent",
    AWS_REGION: "eu-central-1",
  })) {
    vi.stubEnv(variable, value);
  }
  await expect(create()({}, context)).rejects.toMatchObject({
    code: "run-failed",
    message: `${name} failed: ECONNREFUSED`,
  });
});
