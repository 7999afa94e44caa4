import type { ISql } from "postgres";
import { listUnreadableLetters, noteReadLetters } from "../../../database/fleet/stored-dead-letters.ts";
import { MessageError } from "../../../queue/queue-error.ts";
import { decodeRepairMessage, MAX_MESSAGE_BYTES, type RepairMessage } from "../../../queue/repair-message.ts";

/** The latest: whoever has more of them than this has another trouble. */
const MOST_LETTERS = 1_000;

/** Reads once more what another release could not: a letter of a version that this one knows is a letter like others. */
export async function rereadDeadLetters(sql: ISql): Promise<void> {
  const letters = await listUnreadableLetters(sql, { limit: MOST_LETTERS, mostBytes: MAX_MESSAGE_BYTES });
  await noteReadLetters(
    sql,
    letters.flatMap(({ messageId, body }) => {
      const message = read(body);
      return message === undefined ? [] : [{ messageId, slabId: message.slabId, token: message.token }];
    }),
  );
}

function read(body: string): RepairMessage | undefined {
  try {
    return decodeRepairMessage(body);
  } catch (error) {
    if (error instanceof MessageError) return undefined;
    throw error;
  }
}
