import { SQSClient } from "@aws-sdk/client-sqs";
import type { Context } from "aws-lambda";
import { systemClock } from "../lib/clock/clock.ts";
import { assertUrlIsSafe } from "../lib/config/database-url.ts";
import { type Environment, parseEnvironment, variablesOf } from "../lib/config/parse-environment.ts";
import { assertClocksAgree } from "../lib/database/client/assert-clocks-agree.ts";
import { connect } from "../lib/database/client/connect.ts";
import { type Ask, askWithin, createDeadlineClient } from "../lib/database/client/deadline-client.ts";
import { explainMoved } from "../lib/database/indexd/version/write-verified.ts";
import { assertFleetMayWork, type FleetStanding } from "../lib/database/schema/assert-fleet-may-work.ts";
import { SlabmendError } from "../lib/errors/slabmend-error.ts";
import { boundedClient, FUNCTION_ANSWER_MS } from "../lib/queue/client-settings.ts";
import { createLogger, type Logger } from "../lib/telemetry/logger.ts";
import { measureRun, type RunMeasures } from "../lib/telemetry/measure-run.ts";
import type { MetricValues } from "../lib/telemetry/metric-names.ts";
import { createMetrics, type MetricsPrinter } from "../lib/telemetry/metrics.ts";
import { standingMetrics, warnOfStanding } from "../lib/telemetry/standing-metrics.ts";
import { mayPass } from "../lib/worker/may-pass.ts";

/** Time reserved at the end of a run for finishing the present batch and cleaning up. */
const RESERVE_MS = 5_000;
/** A function with a short timeout (in a demo) reserves this share of its timeout instead. */
const RESERVE_SHARE = 0.2;
/** This share of the reserve is kept for reporting that the database is silent, and for cleaning up. */
const PUT_AWAY_SHARE = 0.4;

/** What one run of a scheduled function works with; its connections are closed when the run returns. */
export interface ScheduledRun {
  readonly environment: Environment;
  readonly logger: Logger;
  readonly metrics: MetricsPrinter;
  /** Asks the database, and waits for the answer no longer than the function lives. */
  readonly ask: Ask;
  readonly sqs: SQSClient;
  readonly remainingMs: number;
}

/**
 * The common part of claim and reap: reads the environment, refuses a database that must not be used, runs once, cleans
 * up.
 */
export function createScheduledHandler<Report extends object>(
  name: "claim" | "reap",
  run: (scheduled: ScheduledRun) => Promise<Report>,
  measures: RunMeasures<Report>,
  /** Metrics read after each run, even after a failed one. */
  readState?: (ask: Ask, environment: Environment) => Promise<MetricValues>,
  /** Called if the database responds but must not be used. Does not throw. */
  onRefusal: (
    scheduled: Pick<ScheduledRun, "environment" | "logger" | "ask">,
  ) => Promise<void> = async () => {},
) {
  return async (_event: unknown, context: Context): Promise<Report> => {
    // Only the function's own variables are read: `environment` lacks the others, although its type has them.
    const environment = parseEnvironment(variablesOf(name), process.env) as Environment;
    const logger = createLogger(environment.SLABMEND_LOG_LEVEL, { indexer: environment.SLABMEND_INDEXER });
    const metrics = createMetrics({ namespace: environment.SLABMEND_METRICS_NAMESPACE, service: name });
    const totalMs = context.getRemainingTimeInMillis();
    const reserveMs = Math.min(RESERVE_MS, totalMs * RESERVE_SHARE);
    const putAwayMs = reserveMs * PUT_AWAY_SHARE;
    const database = createDeadlineClient({
      clock: systemClock,
      connect: () =>
        connect(
          environment.SLABMEND_DATABASE_URL.reveal(),
          `slabmend-${name}`,
          environment.SLABMEND_DATABASE_CA,
        ),
    });
    const ask = askWithin(database, systemClock, systemClock.now() + totalMs - putAwayMs);
    const sqs = new SQSClient(boundedClient(FUNCTION_ANSWER_MS));
    let isDatabaseKnown = false;
    const runOnce = async (): Promise<Report> => {
      await assertUrlIsSafe(environment.SLABMEND_DATABASE_URL.reveal());
      const { SLABMEND_ACCEPT_INDEXD_VERSION: accepted } = environment;
      const check = async (): Promise<FleetStanding> => {
        const standing = await ask((sql) => assertFleetMayWork(sql, accepted), { isIdempotent: true });
        await ask((sql) => assertClocksAgree(sql, systemClock), { isIdempotent: true });
        return standing;
      };
      const standing = await check().catch(async (error: unknown) => {
        if (!mayPass(error)) await onRefusal({ environment, logger, ask });
        throw error;
      });
      isDatabaseKnown = true;
      warnOfStanding(logger, standing);
      metrics.print(standingMetrics(standing));
      const remainingMs = context.getRemainingTimeInMillis() - reserveMs;
      return await run({ environment, logger, metrics, ask, sqs, remainingMs }).catch((error: unknown) => {
        throw explainMoved(error);
      });
    };
    try {
      return await measureRun(name, { logger, metrics }, measures, runOnce);
    } catch (error) {
      // Lambda prints the error that the handler throws. A database's error can contain a row, so it is replaced.
      throw error instanceof SlabmendError ? error : runFailed(name, error);
    } finally {
      if (isDatabaseKnown && readState !== undefined) {
        // A run counts as successful even if the fleet cannot be measured.
        await readState(ask, environment)
          .then((values) => metrics.print(values))
          .catch((error) => logger.warn({ error }, "the state of the fleet could not be measured"));
      }
      sqs.destroy();
      await database.end(putAwayMs / 2);
    }
  };
}

function runFailed(name: "claim" | "reap", error: unknown): SlabmendError<"run-failed"> {
  return new SlabmendError({
    code: "run-failed",
    message: `${name} failed: ${kindOf(error)}`,
    remedy: `Read the line "${name} failed" in its log; the next run does the rest.`,
  });
}

/**
 * Matches SQLSTATEs and Node's error codes, which an operator can look up. A library's message is never shown, because
 * it may contain secrets.
 */
const STABLE_CODE = /^[A-Z0-9_]{4,40}$/;

function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const code = "code" in error ? error.code : undefined;
  return typeof code === "string" && STABLE_CODE.test(code) ? code : error.name;
}
