import type { Ask } from "../../database/client/deadline-client.ts";
import { type NewDeadLetter, storeDeadLetters } from "../../database/fleet/store-dead-letters.ts";
import type { DeadLetter, DeadLetterQueue } from "../../queue/dead-letter-queue.ts";
import { MessageError } from "../../queue/queue-error.ts";
import { decodeRepairMessage } from "../../queue/repair-message.ts";

/** After each of these a crash leaves a trace. */
export type DrainStep = "dead-letters-stored" | "dead-letters-deleted";

/**
 * Moves the dead letters into a table that an operator can read. A letter is deleted from the queue only after its row
 * is committed; a crash in between brings it back, as the same row. It is no second retry: nothing is sent again.
 */
export async function drainDeadLetters(
  deps: {
    readonly ask: Ask;
    readonly deadLetters: DeadLetterQueue;
    readonly indexer: string;
    readonly step?: (name: DrainStep) => void | Promise<void>;
  },
  timeIsUp: () => boolean,
): Promise<number> {
  let drained = 0;
  while (!timeIsUp()) {
    const letters = await deps.deadLetters.receive();
    if (letters.length === 0) break;
    await deps.ask((sql) =>
      storeDeadLetters(
        sql,
        letters.map((letter) => describe(letter, deps.indexer)),
      ),
    );
    await deps.step?.("dead-letters-stored");
    await deps.deadLetters.delete(letters);
    await deps.step?.("dead-letters-deleted");
    drained += letters.length;
  }
  return drained;
}

/** A message that can be read failed each time before its repair began: the database was away. */
function describe(letter: DeadLetter, indexer: string): NewDeadLetter {
  const { messageId, body, receiveCount, sentAtMs } = letter;
  const stored = { messageId, body, receiveCount, sentAtMs };
  try {
    const { slabId, token } = decodeRepairMessage(body, indexer);
    return { ...stored, cause: "never-begun", slabId, token };
  } catch (error) {
    return { ...stored, cause: error instanceof MessageError ? error.code : "unknown" };
  }
}
