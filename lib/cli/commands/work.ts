import type { Environment } from "../../config/parse-environment.ts";
import { WORK_VARIABLES, type WorkVariable } from "../../config/work-variables.ts";
import { assertClocksAgree } from "../../database/client/assert-clocks-agree.ts";
import { askWithin, createDeadlineClient } from "../../database/client/deadline-client.ts";
import { readFleetMode } from "../../database/fleet/fleet-mode.ts";
import { findNetworkProblems, readNetworkState } from "../../database/indexd/network-state.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import { claimSettingsFrom } from "../../jobs/claim/claim-settings-from-environment.ts";
import { DEFAULT_REAP_SETTINGS } from "../../jobs/reap/reap-settings.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { MetricsOf } from "../../telemetry/metrics.ts";
import { openArchive } from "../../worker/open-archive.ts";
import { openDueChecks } from "../../worker/open-due-checks.ts";
import { openMaintenance } from "../../worker/open-maintenance.ts";
import { startPresence } from "../../worker/presence.ts";
import { tellMode } from "../../worker/tell-stop.ts";
import { workFromDatabase } from "../../worker/work-from-database.ts";
import { countEnd, createWorkReport, describeWork } from "../../worker/work-report.ts";
import { WorkerPool } from "../../worker/worker-pool.ts";
import type { WorkEnd } from "../../worker/worker-slot.ts";
import { createSqsClient, importForAws } from "../command/aws-clients.ts";
import { action, type CommandContext, type CommandHost } from "../command/command-context.ts";
import { type DatabaseAccess, withDatabase } from "../command/open-database.ts";
import { openLog } from "../command/open-log.ts";
import { concurrencyOption, defaultConcurrency, timeoutOption } from "../command/worker-options.ts";

interface WorkOptions {
  readonly concurrency?: number;
  readonly fromDatabase?: boolean;
  readonly timeout: number;
}

/** The error that ends the command after the current repairs if this machine turns out unable to repair. */
function workerUnfit(reason: string): OperatorError {
  return new OperatorError({
    code: "worker-unfit",
    message: `work: expected this machine to be able to repair, but ${reason}`,
    remedy:
      "Check its clock, network and release, then start it again. The failed repairs were not counted against slabs.",
  });
}

export function addWork(host: CommandHost): void {
  host.program
    .command("work")
    .description(
      "repair on this machine until stopped, in addition to the functions on AWS or instead of them",
    )
    .addOption(concurrencyOption())
    .option("--from-database", "claim directly from the database, without a queue; also reap")
    .addOption(timeoutOption())
    .addHelpText(
      "after",
      `
By default it takes messages from SLABMEND_QUEUE_URL, in addition to the repair function or instead of it; claim and reap
run elsewhere. With --from-database it needs no AWS. It runs the functions' code with the functions' variables
(docs/configuration.md). The log goes to standard output: as text at a terminal, as JSON lines elsewhere and with --json, unless
SLABMEND_LOG_FORMAT (json or lines) says otherwise. The last line says what was done.

SIGTERM or Ctrl+C drains: it begins nothing more, finishes running repairs (at most --timeout) and exits with 0; before the
first lease it exits at once, also with 0. Allow the service manager that time (systemd: TimeoutStopSec). A second signal
ends it at once, with 130; workers still finish their current repairs. If npx started it, it also drains when npx is gone.`,
    )
    .action(
      action<WorkOptions>(host, async (context, options) => {
        const { io } = context;
        const concurrency = options.concurrency ?? defaultConcurrency();
        const environment = context.parse(WORK_VARIABLES);
        const queueUrl =
          options.fromDatabase === true
            ? undefined
            : context.parse(["SLABMEND_QUEUE_URL"]).SLABMEND_QUEUE_URL;
        const { format, logger, metrics, variables } = openLog(context, environment, "work");
        const report = createWorkReport();
        const onEnd = (end: WorkEnd): void => countEnd(report, end);
        const unfit = new AbortController();
        const signal = AbortSignal.any([io.signal, unfit.signal]);
        const pool = new WorkerPool({
          size: concurrency,
          onUnfit: (reason) => unfit.abort(workerUnfit(reason)),
          environment: variables,
          timeoutMs: options.timeout * 1_000,
          clock: io.clock,
        });
        await workUntilToldToEnd({
          context,
          pool,
          concurrency,
          environment,
          queueUrl,
          logger,
          metricsOf: () => metrics,
          onEnd,
          signal,
        });
        unfit.signal.throwIfAborted();
        const done = { done: true, ...report };
        context.print(done, format === "json" ? JSON.stringify(done) : describeWork(report));
        return "done";
      }),
    );
}

interface Work {
  readonly context: CommandContext;
  readonly pool: WorkerPool;
  readonly concurrency: number;
  readonly environment: Pick<Environment, WorkVariable>;
  /** Undefined: the command leases slabs in the database itself. */
  readonly queueUrl: string | undefined;
  readonly logger: Logger;
  readonly metricsOf: MetricsOf;
  readonly onEnd: (end: WorkEnd) => void;
  /** Aborts when the command should stop, or when this machine turns out unable to repair. */
  readonly signal: AbortSignal;
}

/** Before the first lease a signal ends the command at once; later the command first finishes its repairs. */
async function workUntilToldToEnd(work: Work): Promise<void> {
  const { pool, logger, signal } = work;
  const { clock } = work.context.io;
  let hasBegun = false;
  try {
    await withDatabase(work.context, { needs: "fleet" }, async (ask, access) => {
      await ask((sql) => assertClocksAgree(sql, clock), { isIdempotent: true });
      const state = await ask(readNetworkState, { isIdempotent: true });
      for (const { code, says, remedy } of findNetworkProblems(state)) logger.warn({ code, remedy }, says);
      // With a queue, the mode is logged here, once. With --from-database, claims log it: the first claim does, and
      // each claim that finds a changed mode.
      if (work.queueUrl !== undefined) tellMode(logger, await ask(readFleetMode, { isIdempotent: true }));
      await pool.start(signal);
      access.ignoreSignals();
      hasBegun = true;
      logger.info({ concurrency: work.concurrency, from: work.queueUrl ?? "database" }, "working");
      signal.addEventListener("abort", () => logger.info({ running: pool.busy }, "draining"));
      const presence = startPresence({
        ask,
        clock,
        logger,
        command: "work",
        describe: () => ({
          concurrency: work.concurrency,
          running: pool.busy,
          state: signal.aborted ? "draining" : "working",
          trouble: undefined,
        }),
      });
      try {
        await (work.queueUrl === undefined
          ? workWithoutQueue(work, access)
          : workForQueue(work, work.queueUrl));
      } finally {
        await pool.stop();
        await presence.stop();
      }
    });
  } catch (error) {
    if (hasBegun || !signal.aborted) throw error;
    logger.info("stopped before any repair began");
  } finally {
    await pool.stop();
  }
}

async function workForQueue(work: Work, queueUrl: string): Promise<void> {
  const { context, environment, pool, concurrency, logger, onEnd, signal } = work;
  const { clock } = context.io;
  const client = await createSqsClient(context.variables, queueUrl);
  const { workFromQueue } = await importForAws(
    "sqs-consumer",
    () => import("../../worker/work-from-queue.ts"),
  );
  const indexer = environment.SLABMEND_INDEXER;
  await workFromQueue({
    client,
    queueUrl,
    indexer,
    pool,
    concurrency,
    clock,
    logger,
    onEnd,
    signal,
  });
  client.destroy();
}

async function workWithoutQueue(work: Work, { connect }: DatabaseAccess): Promise<void> {
  const { context, environment, pool, logger, metricsOf, onEnd, signal } = work;
  const { clock } = context.io;
  const database = createDeadlineClient({ clock, connect });
  const { SLABMEND_ACCEPT_INDEXD_VERSION: acceptedVersion, SLABMEND_ARCHIVE: destination } = environment;
  const archive = await openArchive({ destination, variables: context.variables, clock, logger });
  const maintenance = openMaintenance({ environment, clock, logger, signal });
  const dueChecks =
    environment.SLABMEND_VERIFY === "due"
      ? openDueChecks({
          environment,
          ask: askWithin(database, clock),
          clock,
          logger,
          signal,
          onMetrics: (values) => metricsOf("repair").print(values),
        })
      : undefined;
  await workFromDatabase({
    database,
    indexer: environment.SLABMEND_INDEXER,
    pool,
    clock,
    logger,
    metricsOf,
    onEnd,
    signal,
    acceptedVersion,
    claim: claimSettingsFrom(environment),
    reap: { ...DEFAULT_REAP_SETTINGS, acceptedVersion },
    archive,
    maintenance,
    dueChecks,
  }).finally(async () => {
    archive?.close();
    await Promise.all([maintenance.close(), dueChecks?.close()]);
    await database.end();
  });
}
