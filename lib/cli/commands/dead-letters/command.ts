import type { Command } from "commander";
import { createRepairQueue } from "../../../queue/repair-queue.ts";
import { readDeadLettersReport } from "../../../reports/standing.ts";
import { createSqsClient } from "../../command/aws-clients.ts";
import { action, type CommandHost } from "../../command/command-context.ts";
import { withDatabase } from "../../command/open-database.ts";
import { wholeNumber } from "../../command/option-values.ts";
import { table } from "../../command/quantities.ts";
import { redriveDeadLetters } from "../../command/redrive-dead-letters.ts";

export function addDeadLetters(host: CommandHost): void {
  const group = host.program
    .command("dead-letters")
    .description("list repair messages that started no repair, and send them again");
  addList(group, host);
  addRedrive(group, host);
}

function addList(group: Command, host: CommandHost): void {
  group
    .command("list")
    .description("show the messages that reap took from the dead-letter queue")
    .option("--limit <n>", "maximum number, latest first", wholeNumber(1, 10_000), 100)
    .addHelpText(
      "after",
      `
can-be-sent: the message's lease still waits for its repair, so redrive sends the message again.
moot: the slab no longer needs the message, so redrive deletes it.
unreadable: another program or a newer release has written the message; redrive deletes it only with --discard.`,
    )
    .action(
      action<{ limit: number }>(host, async (context, { limit }) => {
        const report = await withDatabase(context, { needs: "store" }, (ask) =>
          readDeadLettersReport(ask, { limit }),
        );
        const { total, letters } = report;
        context.print(
          report,
          [
            `${total} dead letters`,
            ...(total === 0
              ? []
              : table([
                  ["message", "fate", "cause", "slab", "received", "last seen", "body"],
                  ...letters.map((letter) => [
                    letter.messageId,
                    letter.fate,
                    letter.cause,
                    letter.slabId ?? "-",
                    letter.receiveCount,
                    letter.lastSeen,
                    // Quoted, so that a message's body cannot send control codes to the terminal.
                    letter.body === null ? "" : JSON.stringify(letter.body.slice(0, 80)),
                  ]),
                ])),
          ].join("\n"),
        );
        return "done";
      }),
    );
}

function addRedrive(group: Command, host: CommandHost): void {
  group
    .command("redrive")
    .description(
      "send again the dead letters whose leases still wait for a repair to begin, and delete the dead letters that no longer matter",
    )
    .argument("[message...]", "ids of messages; default: all, at most 1000")
    .option("--discard", "delete unreadable ones too")
    .addHelpText(
      "after",
      "\nNeeds SLABMEND_QUEUE_URL, and permission to send to this queue. Sending a message twice is harmless.",
    )
    .action(
      action<{ discard?: boolean }>(host, async (context, { discard }, messageIds) => {
        const { SLABMEND_QUEUE_URL: queueUrl, SLABMEND_INDEXER: indexer } = context.parse([
          "SLABMEND_QUEUE_URL",
          "SLABMEND_INDEXER",
        ]);
        const client = await createSqsClient(context.variables, queueUrl);
        const queue = createRepairQueue({ client, queueUrl, indexer });
        try {
          const report = await withDatabase(context, { needs: "store" }, (ask) =>
            redriveDeadLetters(
              { ask, queue },
              { discard: discard === true, ...(messageIds.length === 0 ? {} : { messageIds }) },
            ),
          );
          context.print(
            report,
            `${report.sent} sent again, ${report.moot} deleted as moot, ${report.discarded} discarded, ${report.kept} kept`,
          );
          return "done";
        } finally {
          client.destroy();
        }
      }),
    );
}
