/**
 * The process that serves HTTP. Its parent supervises it, tells it how the fleet of this machine is, and ends it by closing the
 * channel. It is started without the migration seed and may read no file but its code (http-environment.ts).
 */

import { createSqsClient } from "../cli/command/aws-clients.ts";
import { systemClock } from "../clock/clock.ts";
import { parseEnvironment } from "../config/parse-environment.ts";
import { connect } from "../database/client/connect.ts";
import { type Ask, askWithin, createDeadlineClient } from "../database/client/deadline-client.ts";
import { listWorkers } from "../database/fleet/workers.ts";
import { assertWritable, judgeIndexd } from "../database/indexd/version/verify-indexd.ts";
import { assertStoreVersion } from "../database/schema/migrate-database.ts";
import { createRepairQueue } from "../queue/repair-queue.ts";
import { readStatusReport } from "../reports/status.ts";
import { Secret } from "../secret/secret.ts";
import { inheritedLogDestination } from "../telemetry/log-format.ts";
import { createLogger } from "../telemetry/logger.ts";
import { createServer } from "./create-server.ts";
import type { FromHttp, HttpSettings, ToHttp } from "./http-messages.ts";
import { problemOf } from "./problem.ts";
import { decideReadiness } from "./readiness.ts";
import { shareRead } from "./shared-read.ts";
import { reportWorkers, type SupervisorHealth } from "./workers-report.ts";

/** The parent tells each second how it is; after this silence it hangs. */
const SILENT_AFTER_MS = 15_000;
/** Several requests in this time share one read. */
const SHARE_MS = 2_000;
/** Prometheus waits 10 s by default. */
const SCRAPE_LIMIT_MS = 5_000;
/** Short enough for a health check: who asks gets an answer, if a bad one. */
const READY_LIMIT_MS = 4_000;
const STATUS_LIMIT_MS = 8_000;

const clock = systemClock;
const environment = parseEnvironment(
  [
    "SLABMEND_DATABASE_URL",
    "SLABMEND_DATABASE_CA",
    "SLABMEND_ACCEPT_INDEXD_VERSION",
    "SLABMEND_INDEXER",
    "SLABMEND_LOG_LEVEL",
  ],
  process.env,
);
const logger = createLogger(environment.SLABMEND_LOG_LEVEL, {
  indexer: environment.SLABMEND_INDEXER,
  destination: inheritedLogDestination(),
});
const openClient = () =>
  createDeadlineClient({
    clock,
    connect: () =>
      connect(environment.SLABMEND_DATABASE_URL.reveal(), "slabmend-http", environment.SLABMEND_DATABASE_CA),
  });
const database = openClient();
// Of its own: a health check does not wait behind a list that somebody reads.
const healthDatabase = openClient();
const ask = askWithin(database, clock);
const askHealth = askWithin(healthDatabase, clock);
/** Asked once: consoles shall hear soon that the database is away. */
const askOnce: Ask = (statements) => askHealth(statements, { limitMs: STATUS_LIMIT_MS });

let health: { readonly told: SupervisorHealth; readonly atMs: number } | undefined;
const startedAtMs = clock.now();
const currentHealth = (): SupervisorHealth | null =>
  health !== undefined && clock.now() - health.atMs < SILENT_AFTER_MS ? health.told : null;

const readFleet = shareRead(() => askHealth(listWorkers, { isIdempotent: true }), {
  clock,
  maxAgeMs: SHARE_MS,
});
const checkDatabase = shareRead(
  () =>
    askHealth(
      async (sql) => {
        assertWritable(await judgeIndexd(sql, environment.SLABMEND_ACCEPT_INDEXD_VERSION));
        await assertStoreVersion(sql);
      },
      { limitMs: READY_LIMIT_MS },
    ),
  { clock, maxAgeMs: SHARE_MS },
);

async function serve(settings: HttpSettings): Promise<void> {
  const server = await createServer({
    access: {
      hosts: settings.hosts,
      token: new Secret(settings.token),
      passwordHash: settings.passwordHash === null ? null : new Secret(settings.passwordHash),
    },
    api: {
      ask,
      readStatus: shareRead(() => readStatusReport(askOnce), { clock, maxAgeMs: SHARE_MS }),
      readWorkers: async () =>
        reportWorkers(clock.now(), currentHealth(), await readFleet().catch(() => null)),
      queue: await openQueue(),
      owner: settings.owner,
    },
    // Before the first word it counts as alive: it has just been started.
    isLive: () => currentHealth() !== null || clock.now() - startedAtMs < SILENT_AFTER_MS,
    async readReadiness() {
      const databaseCode = await checkDatabase().then(
        () => undefined,
        (error: unknown) => problemOf(error).code,
      );
      return decideReadiness({ nowMs: clock.now(), health: currentHealth()?.loop ?? null, databaseCode });
    },
    scrape,
    files: settings.files,
    policy: settings.policy,
    clock,
    logger,
  });
  try {
    await server.listen(settings.listen);
    const address = server.server.address();
    tell({ kind: "listening", port: typeof address === "object" ? (address?.port ?? 0) : 0 });
  } catch (error) {
    tell({
      kind: "failed",
      code: error instanceof Error && "code" in error ? String(error.code) : "unknown",
    });
  }
  process.once("disconnect", () => {
    void server
      .close()
      .then(() => Promise.all([database.end(), healthDatabase.end()]))
      .finally(() => process.exit(0));
  });
}

async function openQueue() {
  const { SLABMEND_QUEUE_URL: queueUrl } = process.env;
  if (!queueUrl) return undefined;
  const indexer = environment.SLABMEND_INDEXER;
  return createRepairQueue({ client: await createSqsClient(process.env, queueUrl), queueUrl, indexer });
}

function tell(message: FromHttp): void {
  if (process.connected) process.send?.(message);
}

// The parent decides when to end: a terminal sends Ctrl+C to all of us, a service manager SIGTERM.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});

let scrapes: ((text: string) => void)[] = [];

/** Asks the parent, which counts. Rejects when it says nothing: Prometheus then sees that the server is not well. */
function scrape(): Promise<string> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(SCRAPE_LIMIT_MS, () =>
      reject(new Error("the supervising process says nothing")),
    );
    scrapes.push((text) => {
      cancel();
      resolve(text);
    });
    tell({ kind: "scrape" });
  });
}

process.on("message", (message: ToHttp) => {
  if (message.kind === "scraped") {
    for (const answer of scrapes) answer(message.text);
    scrapes = [];
  } else if (message.kind === "health") health = { told: message.health, atMs: clock.now() };
  else {
    serve(message.settings).catch((error: unknown) => {
      logger.fatal({ error }, "the HTTP server could not be made");
      process.exit(1);
    });
  }
});
