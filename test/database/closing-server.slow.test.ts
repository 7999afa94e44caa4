/**
 * Servers that accept and close connections: commands and functions end in bounded time, after a bounded number of
 * attempts.
 */
import type { Context, SQSEvent } from "aws-lambda";
import { afterEach, expect, test, vi } from "vitest";
import { createClaimHandler } from "../../functions/claim.ts";
import { createReapHandler } from "../../functions/reap.ts";
import { createRepairHandler } from "../../functions/repair.ts";
import { ConnectionPace } from "../../lib/database/client/connection-pace.ts";
import { encodeRepairMessage } from "../../lib/queue/repair-message.ts";
import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../../lib/slab/ids.ts";
import { runCli } from "../cli/run-cli.ts";
import { startClosingServer, WAYS_TO_CLOSE } from "../support/closing-server.ts";
import { createFakeClock } from "../support/fake-clock.ts";

/**
 * Enough connections for six attempts of one read and for a few more calls; a client that reconnects without a limit
 * would open hundreds a second.
 */
const MOST_CONNECTIONS = 20;

const message = encodeRepairMessage(
  {
    slabId: parseSlabId("1"),
    digest: parseSlabDigest("ab".repeat(32)),
    token: parseLeaseToken("6f1c3e52-9a5c-4c1e-8a55-3f0a6f0f7a11"),
  } as Parameters<typeof encodeRepairMessage>[0],
  "default",
);
const context = { awsRequestId: "r", getRemainingTimeInMillis: () => 55_000 } as Context;
const event = { Records: [{ messageId: "m", receiptHandle: "r", body: message }] } as unknown as SQSEvent;

const FUNCTIONS: Readonly<Record<string, () => Promise<unknown>>> = {
  claim: () => createClaimHandler()({}, context),
  reap: () => createReapHandler()({}, context),
  repair: () => createRepairHandler({ giveBack: async () => {} })(event, context),
};

const COMMANDS = [
  "status",
  "doctor --hosts 0",
  "pause",
  "work --from-database",
  "losses list",
  "maintenance status",
];

test.concurrent.each(
  Object.entries(WAYS_TO_CLOSE).flatMap(([way, close]) =>
    COMMANDS.map((command) => ({ way, close, command })),
  ),
)("a server that $way: slabmend $command says so and ends", async ({ close, command }) => {
  const server = await startClosingServer(close);
  const { code, err, out } = await runCli([...command.split(" "), "--json"], {
    environment: { SLABMEND_DATABASE_URL: server.url, SLABMEND_MIGRATION_SEED: "11".repeat(32) },
  });
  expect([command, code, err]).toEqual([command, command.startsWith("doctor") ? 6 : 4, expect.any(String)]);
  expect(out + err).toMatch(/"(code|name)":"(database|database-unreachable)"/);
  expect(server.accepted).toBeLessThanOrEqual(MOST_CONNECTIONS);
  await server.stop();
});

afterEach(() => vi.unstubAllEnvs());
test.each(Object.entries(FUNCTIONS))(
  "the function %s fails in time if the server closes after the client's first message",
  async (_name, run) => {
    const server = await startClosingServer(WAYS_TO_CLOSE["closes after the client's first words"]!);
    const variables = {
      SLABMEND_DATABASE_URL: server.url,
      SLABMEND_QUEUE_URL: "http://127.0.0.1:1/0/repairs",
      SLABMEND_DEAD_LETTER_QUEUE_URL: "http://127.0.0.1:1/0/dead",
      SLABMEND_MIGRATION_SEED: "11".repeat(32),
      SLABMEND_LOG_LEVEL: "silent",
      AWS_REGION: "us-east-1",
    };
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    const result = await run().catch((error: unknown) => error);
    if (result instanceof Error) expect(result).toMatchObject({ code: expect.any(String) });
    else expect(result).toEqual({ batchItemFailures: [{ itemIdentifier: "m" }] });
    expect(server.accepted).toBeLessThanOrEqual(MOST_CONNECTIONS);
    await server.stop();
  },
);

test("the delay before a new connection grows with failures to 2 s, and is zero after a successful connection", async () => {
  const clock = createFakeClock();
  const pace = new ConnectionPace(clock, () => 0);
  const delays: number[] = [];
  const { signal } = new AbortController();
  const measure = async (): Promise<number> => {
    const before = clock.now();
    const waiting = pace.wait(signal);
    while (clock.pending > 0) await clock.advance(50);
    await waiting;
    return clock.now() - before;
  };
  for (let failures = 0; failures < 8; failures += 1) {
    delays.push(await measure());
    pace.failed();
  }
  expect(delays).toEqual([0, 0, 100, 200, 400, 800, 1_600, 2_000]);
  pace.succeeded();
  expect(await measure()).toBe(0);
});
