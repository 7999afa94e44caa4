import type { Ask } from "../../database/client/deadline-client.ts";
import { deleteDeadLetters, listDeadLetters } from "../../database/fleet/stored-dead-letters.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import { QUEUE_BATCH, type RepairQueue } from "../../queue/repair-queue.ts";

export interface RedriveReport {
  /** Dead letters sent to the repair queue again. */
  readonly sent: number;
  /** Dead letters deleted without being sent, because their slabs no longer need them. */
  readonly moot: number;
  readonly discarded: number;
  /** Unreadable messages, and those that SQS did not accept. */
  readonly kept: number;
}

const PAGE = 1_000;

/**
 * Sends again the dead letters whose leases still wait for their repair to begin, and deletes those that no longer
 * matter. After a crash some may be sent twice, which is harmless.
 * @throws {QueueError}; every dead letter that was not sent is still stored
 */
export async function redriveDeadLetters(
  deps: { readonly ask: Ask; readonly queue: RepairQueue },
  options: { readonly messageIds?: readonly string[]; readonly discard: boolean },
): Promise<RedriveReport> {
  const { ask, queue } = deps;
  const { letters } = await ask(
    (sql) =>
      listDeadLetters(sql, {
        limit: PAGE,
        ...(options.messageIds === undefined ? {} : { messageIds: options.messageIds }),
      }),
    { isIdempotent: true },
  );
  const unknown = options.messageIds?.find((id) => !letters.some(({ messageId }) => messageId === id));
  if (unknown !== undefined) {
    throw new OperatorError({
      code: "no-such-dead-letter",
      message: `dead letter ${unknown.slice(0, 100)}: expected it in slabmend.dead_letters, got none`,
      remedy: "Take the id from slabmend dead-letters list.",
    });
  }
  const report = { sent: 0, moot: 0, discarded: 0, kept: 0 };
  const sendable = letters.flatMap(({ messageId, lease }) =>
    lease === undefined ? [] : [{ messageId, ...lease }],
  );
  for (let first = 0; first < sendable.length; first += QUEUE_BATCH) {
    const result = await queue.send(sendable.slice(first, first + QUEUE_BATCH));
    await ask((sql) =>
      deleteDeadLetters(
        sql,
        result.sent.map(({ messageId }) => messageId),
      ),
    );
    report.sent += result.sent.length;
    report.kept += result.failed.length;
  }
  const idsOf = (fate: string) =>
    letters.filter((letter) => letter.fate === fate).map(({ messageId }) => messageId);
  report.moot = await ask((sql) => deleteDeadLetters(sql, idsOf("moot")));
  const unreadable = idsOf("unreadable");
  if (options.discard) report.discarded = await ask((sql) => deleteDeadLetters(sql, unreadable));
  else report.kept += unreadable.length;
  return report;
}
