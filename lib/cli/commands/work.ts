import { availableParallelism } from "node:os";
import { variablesOf } from "../../config/parse-environment.ts";
import type { VariableName } from "../../config/variables.ts";
import { createAnsweringDatabase } from "../../database/client/answering-database.ts";
import { claimSettingsFrom } from "../../jobs/claim/settings-from-environment.ts";
import { DEFAULT_REAP_SETTINGS } from "../../jobs/reap/reap-settings.ts";
import { createLogger } from "../../telemetry/logger.ts";
import { createMetrics } from "../../telemetry/metrics.ts";
import { workFromDatabase } from "../../worker/work-from-database.ts";
import { workFromQueue } from "../../worker/work-from-queue.ts";
import { countEnd, createWorkReport } from "../../worker/work-report.ts";
import { type WorkEnd, WorkerPool } from "../../worker/worker-pool.ts";
import { createSqsClient } from "../command/aws-clients.ts";
import { action, type CommandHost } from "../command/command-context.ts";
import { withDatabase } from "../command/open-database.ts";
import { wholeNumber } from "../command/option-values.ts";

interface WorkOptions {
  readonly concurrency?: number;
  readonly fromDatabase?: boolean;
  readonly timeout: number;
}

/** What the functions read, but for the queues: with --from-database there are none. */
const WITHOUT_QUEUES = [
  ...new Set([...variablesOf("claim"), ...variablesOf("repair"), ...variablesOf("reap")]),
].filter(
  (
    name,
  ): name is Exclude<
    VariableName,
    "SLABMEND_DATABASE_URL" | "SLABMEND_QUEUE_URL" | "SLABMEND_DEAD_LETTER_QUEUE_URL"
  > =>
    name !== "SLABMEND_DATABASE_URL" &&
    name !== "SLABMEND_QUEUE_URL" &&
    name !== "SLABMEND_DEAD_LETTER_QUEUE_URL",
);

export function addWork(host: CommandHost): void {
  host.program
    .command("work")
    .description("repair on this machine until told to end: beside the functions on AWS, or instead of them")
    .option(
      "--concurrency <n>",
      "repairs at once, each in a process of about 250 MiB; default: one for each CPU",
      wholeNumber(1, 1_000),
    )
    .option("--from-database", "claim straight from the database, without any queue; reaps too")
    .option("--timeout <seconds>", "a repair keeps what is done after this long", wholeNumber(10, 3_600), 300)
    .addHelpText(
      "after",
      `
By default it takes messages from SLABMEND_QUEUE_URL, beside or instead of the repair function; claim and reap run
elsewhere. With --from-database it needs no AWS at all. It is the functions' code with the functions' variables
(docs/configuration.md); logs are JSON lines on standard output, the last line says what was done.

SIGTERM or Ctrl+C drains: nothing more is begun, repairs in hand are finished (at most --timeout), then it ends with 0.
Give a service manager as long (systemd: TimeoutStopSec). A second signal ends it at once; workers still finish what
they have in hand.`,
    )
    .action(
      action<WorkOptions>(host, async (context, options) => {
        const { io, variables } = context;
        const concurrency = options.concurrency ?? availableParallelism();
        const environment = context.parse(WITHOUT_QUEUES);
        const queueUrl =
          options.fromDatabase === true
            ? undefined
            : context.parse(["SLABMEND_QUEUE_URL"]).SLABMEND_QUEUE_URL;
        const logger = createLogger(environment.SLABMEND_LOG_LEVEL, {
          indexer: environment.SLABMEND_INDEXER,
          destination: { write: (line) => void io.stdout.write(line) },
        });
        const metrics = createMetrics({
          namespace: environment.SLABMEND_METRICS_NAMESPACE,
          service: "work",
          write: (line) => void io.stdout.write(line),
        });
        const report = createWorkReport();
        const onEnd = (end: WorkEnd): void => countEnd(report, end);
        const pool = new WorkerPool({
          size: concurrency,
          environment: { ...variables, SLABMEND_DATABASE_URL: context.databaseUrl?.reveal() },
          timeoutMs: options.timeout * 1_000,
          clock: io.clock,
        });
        await withDatabase(context, { needs: "fleet", onSignal: "ignore" }, async (_sql, { connect }) => {
          await pool.start();
          logger.info({ concurrency, from: queueUrl ?? "database" }, "working");
          const { signal } = io;
          signal.addEventListener("abort", () => logger.info({ running: pool.busy }, "draining"));
          const shared = { pool, logger, metrics, onEnd, signal, indexer: environment.SLABMEND_INDEXER };
          try {
            if (queueUrl !== undefined) {
              const client = createSqsClient(variables, queueUrl);
              await workFromQueue({ ...shared, client, queueUrl, concurrency });
              client.destroy();
              return;
            }
            const database = createAnsweringDatabase({ clock: io.clock, connect });
            await workFromDatabase({
              ...shared,
              database,
              clock: io.clock,
              acceptedVersion: environment.SLABMEND_ACCEPT_INDEXD_VERSION,
              claim: claimSettingsFrom(environment),
              reap: { ...DEFAULT_REAP_SETTINGS, acceptedVersion: environment.SLABMEND_ACCEPT_INDEXD_VERSION },
            }).finally(() => database.end());
          } finally {
            await pool.stop();
          }
        });
        context.print({ done: true, ...report }, JSON.stringify({ done: true, ...report }));
        return "done";
      }),
    );
}
