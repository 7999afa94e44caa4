/** The repair function's handler: batches with malformed messages, a bad environment, an unreachable database. */
import { randomUUID } from "node:crypto";
import type { Context, SQSEvent } from "aws-lambda";
import { expect, test } from "vitest";
import { createRepairHandler } from "../../../functions/repair.ts";
import { ConfigurationError } from "../../../lib/config/configuration-error.ts";
import { encodeRepairMessage } from "../../../lib/queue/repair-message.ts";
import { repairSuite } from "../../support/repair-suite.ts";
import { WORLD_SETTINGS } from "../../support/repair-world.ts";

const suite = repairSuite({ hosts: 6 });
const context = { awsRequestId: "request", getRemainingTimeInMillis: () => 60_000 } as Context;

const QUEUE_URL = "http://127.0.0.1:1/queue";
const eventOf = (bodies: Readonly<Record<string, string>>, receiveCount = 1): SQSEvent =>
  ({
    Records: Object.entries(bodies).map(([messageId, body]) => ({
      messageId,
      body,
      receiptHandle: `receipt of ${messageId}`,
      attributes: { ApproximateReceiveCount: String(receiveCount) },
    })),
  }) as SQSEvent;

/** A handler, and the messages that it returned to the queue. */
function handlerOf(variables: Readonly<Record<string, string>> = {}) {
  const returned: { receiptHandle: string; delaySeconds: number; queueUrl: string }[] = [];
  const handler = createRepairHandler({
    variables: { ...suite.world.variables, SLABMEND_QUEUE_URL: QUEUE_URL, ...variables },
    settings: WORLD_SETTINGS,
    giveBack: async (message) => void returned.push(message),
  });
  return { handler, returned };
}

test("malformed messages of a batch fail, and the others are handled", async () => {
  const slab = await suite.world.storeSlab({ minShards: 1, totalShards: 3 });
  await suite.world.loseSector(slab, 0);
  const task = await suite.world.lease(slab);
  const good = encodeRepairMessage(task, "default");
  const unknown = { ...task, slabId: 999_999_999n as typeof task.slabId };
  const { handler, returned } = handlerOf();
  const bodies = {
    empty: "",
    "not-json": "{",
    "not-an-object": "[1]",
    "unknown-version": JSON.stringify({ ...JSON.parse(good), v: 2 }),
    "too-large": JSON.stringify({ ...JSON.parse(good), more: "x".repeat(300_000) }),
    "more-fields": JSON.stringify({ ...JSON.parse(good), key: "00" }),
    "negative-slab": JSON.stringify({ ...JSON.parse(good), slabId: "-1" }),
    "huge-slab": JSON.stringify({ ...JSON.parse(good), slabId: "9".repeat(40) }),
    "bad-token": JSON.stringify({ ...JSON.parse(good), token: "'; drop table slabs; --" }),
    "unknown-slab": encodeRepairMessage(unknown, "default"),
    "unknown-token": encodeRepairMessage({ ...task, token: randomUUID() as typeof task.token }, "default"),
    good,
    "good-again": good,
  };
  const { batchItemFailures } = await handler(eventOf(bodies), context);
  expect(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual([
    "empty",
    "not-json",
    "not-an-object",
    "unknown-version",
    "too-large",
    "more-fields",
    "negative-slab",
    "huge-slab",
    "bad-token",
  ]);
  expect(returned.map(({ receiptHandle }) => receiptHandle)).toEqual(
    batchItemFailures.map(({ itemIdentifier }) => `receipt of ${itemIdentifier}`),
  );
  const journal = await suite.journal(slab);
  expect(journal.map(({ outcome }) => outcome)).toEqual(["repaired"]);
  expect(await suite.world.wrongSectors(slab)).toEqual([]);
});

test("all missing and invalid environment variables are reported by name, and no secret is shown", async () => {
  const handler = createRepairHandler({
    variables: {
      SLABMEND_MIGRATION_SEED: "canary-seed",
      SLABMEND_MIN_HOST_DISTANCE_KM: "far",
      SLABMEND_ALLOW_PRIVATE_ADDRESSES: "perhaps",
    },
  });
  const error = await handler(eventOf({}), context).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ConfigurationError);
  const { message } = error as ConfigurationError;
  for (const name of [
    "SLABMEND_DATABASE_URL",
    "SLABMEND_QUEUE_URL",
    "SLABMEND_MIGRATION_SEED",
    "SLABMEND_MIN_HOST_DISTANCE_KM",
    "SLABMEND_ALLOW_PRIVATE_ADDRESSES",
  ]) {
    expect(message).toContain(name);
  }
  expect(message).not.toContain("canary-seed");
});

test("if the database is unreachable, a message fails before its repair begins, and is redelivered soon", async () => {
  const slab = await suite.world.storeSlab({ minShards: 1, totalShards: 3 });
  await suite.world.loseSector(slab, 0);
  const task = await suite.world.lease(slab);
  const away = new URL(suite.world.database.url);
  away.port = "1";
  const good = encodeRepairMessage(task, "default");
  const { handler, returned } = handlerOf({ SLABMEND_DATABASE_URL: away.href });
  for (const receiveCount of [1, 2]) {
    const answer = await handler(eventOf({ good }, receiveCount), context);
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "good" }] });
  }
  expect(returned).toMatchObject([{ queueUrl: QUEUE_URL, receiptHandle: "receipt of good" }, {}]);
  expect(returned[0]!.delaySeconds).toBeLessThan(60);
  expect(returned[1]!.delaySeconds).toBeGreaterThan(60);
  const again = handlerOf();
  expect(await again.handler(eventOf({ good }, 3), context)).toEqual({ batchItemFailures: [] });
  expect(again.returned).toEqual([]);
  expect((await suite.journal(slab)).map(({ outcome }) => outcome)).toEqual(["repaired"]);
});

test("malformed messages are reported as failed even if they cannot be returned to the queue early", async () => {
  const handler = createRepairHandler({
    variables: { ...suite.world.variables, SLABMEND_QUEUE_URL: QUEUE_URL },
    giveBack: () => Promise.reject(new Error("nobody there")),
  });
  const answer = await handler(eventOf({ empty: "", "not-json": "{" }), context);
  expect(answer.batchItemFailures).toEqual([{ itemIdentifier: "empty" }, { itemIdentifier: "not-json" }]);
});

test("on an unknown database version no repair begins", async () => {
  const { sql } = suite.world.database;
  const slab = await suite.world.storeSlab({ minShards: 1, totalShards: 3 });
  await suite.world.loseSector(slab, 0);
  const body = encodeRepairMessage(await suite.world.lease(slab), "default");
  const { handler } = handlerOf();
  await sql`update global_settings set db_version = db_version - 1000`;
  const refused = await handler(eventOf({ upgraded: body }), context);
  await sql`update global_settings set db_version = db_version + 1000`;
  expect(refused.batchItemFailures).toEqual([{ itemIdentifier: "upgraded" }]);
  expect(await suite.journal(slab)).toEqual([]);
  expect(await handler(eventOf({ known: body }), context)).toEqual({ batchItemFailures: [] });
  expect((await suite.journal(slab)).map(({ outcome }) => outcome)).toEqual(["repaired"]);
});
