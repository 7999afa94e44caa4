import type { Ask } from "../../database/client/deadline-client.ts";
import { type NewDeadLetter, storeDeadLetters } from "../../database/fleet/store-dead-letters.ts";
import type { DeadLetter, DeadLetterQueue } from "../../queue/dead-letter-queue.ts";
import { MessageError } from "../../queue/queue-error.ts";
import { decodeRepairMessage } from "../../queue/repair-message.ts";

/** Points at which kill tests end the process. */
export type DrainStep = "dead-letters-stored" | "dead-letters-deleted";

/**
 * Moves the dead letters into a table that an operator can read. A letter is deleted from the queue only after its row
 * is committed; if a crash happens in between, the letter is received again and updates the same row. Nothing is
 * resent.
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

/**
 * A letter that can be decoded has the cause `never-begun`: each of its deliveries failed before the repair began,
 * because the database was unavailable.
 */
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
