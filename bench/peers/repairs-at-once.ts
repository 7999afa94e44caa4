/**
 * A handler that makes all repairs of an event simultaneously in one process, as a worker process of `work` or `serve`
 * does.
 */
import type { Context, SQSEvent } from "aws-lambda";
import pLimit from "p-limit";
import { decodeRepairMessage } from "../../lib/queue/repair-message.ts";
import { openRepairEnvironment } from "../../lib/worker/open-repair-environment.ts";

const repairsAtOnce = Number(process.env["SLABMEND_BENCH_AT_ONCE"]);
const limit = pLimit(repairsAtOnce);
const environment = openRepairEnvironment({ variables: process.env, repairsAtOnce });

export async function handler(event: SQSEvent, context: Context): Promise<void> {
  const remainingMs = context.getRemainingTimeInMillis();
  await Promise.all(
    event.Records.map(({ messageId, body }) =>
      limit(() =>
        environment.repair(decodeRepairMessage(body, "default"), { id: `bench/${messageId}`, remainingMs }),
      ),
    ),
  );
}
