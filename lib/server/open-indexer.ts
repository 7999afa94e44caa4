/** What the HTTP process has for one indexer: database clients and shared reads. */
import { createSqsClient } from "../cli/command/aws-clients.ts";
import type { Clock } from "../clock/clock.ts";
import { connect } from "../database/client/connect.ts";
import { askWithin, createDeadlineClient } from "../database/client/deadline-client.ts";
import { listWorkers } from "../database/fleet/workers.ts";
import { assertWritable, judgeIndexd } from "../database/indexd/version/verify-indexd.ts";
import { assertStoreVersion } from "../database/schema/migrate-database.ts";
import { createRepairQueue } from "../queue/repair-queue.ts";
import { readStatusReport } from "../reports/status.ts";
import { EventStream } from "./event-stream.ts";
import type { HttpIndexer } from "./http-messages.ts";
import type { IndexerApi } from "./indexer-api.ts";
import { problemOf } from "./problem.ts";
import { decideReadiness, type Readiness } from "./readiness.ts";
import { shareRead } from "./shared-read.ts";
import { reportWorkers, type SupervisorHealth } from "./workers-report.ts";

export interface OpenIndexer {
  readonly api: IndexerApi;
  readonly events: EventStream;
  readonly readReadiness: () => Promise<Readiness>;
  close(): Promise<void>;
}

export interface OpenIndexerOptions {
  readonly clock: Clock;
  readonly owner: string;
  /** Null if the supervisor has been silent for too long. */
  readonly currentHealth: () => SupervisorHealth | null;
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** Requests within this time share one read. */
const SHARE_MS = 2_000;
/**
 * Time limit of a health check's query: so short that this server answers the health check in time even if the database
 * does not answer.
 */
const READY_LIMIT_MS = 4_000;
const STATUS_LIMIT_MS = 8_000;

/** Creates an indexer's database clients, which connect only at their first use. */
export function openIndexer(indexer: HttpIndexer, options: OpenIndexerOptions): OpenIndexer {
  const { name, databaseUrl, authorities, acceptedVersion, queueUrl } = indexer;
  const { clock, owner, currentHealth, variables } = options;
  const openClient = () =>
    createDeadlineClient({ clock, connect: () => connect(databaseUrl, "slabmend-http", authorities) });
  const database = openClient();
  // Health checks have their own connection, because they must not wait behind the query of a list.
  const healthDatabase = openClient();
  const askHealth = askWithin(healthDatabase, clock);
  const readFleet = shareRead(() => askHealth(listWorkers, { isIdempotent: true }), {
    clock,
    maxAgeMs: SHARE_MS,
  });
  const checkDatabase = shareRead(
    () =>
      askHealth(
        async (sql) => {
          assertWritable(await judgeIndexd(sql, acceptedVersion));
          await assertStoreVersion(sql);
        },
        { limitMs: READY_LIMIT_MS },
      ),
    { clock, maxAgeMs: SHARE_MS },
  );
  // No retries: consoles should learn soon that the database is unreachable.
  const readStatus = shareRead(
    () => readStatusReport((statements) => askHealth(statements, { limitMs: STATUS_LIMIT_MS })),
    { clock, maxAgeMs: SHARE_MS },
  );
  const readWorkers = async () =>
    reportWorkers(clock.now(), name, currentHealth(), await readFleet().catch(() => null));
  const openQueue = shareRead(
    async () => {
      if (queueUrl === undefined) return undefined;
      return createRepairQueue({
        client: await createSqsClient(variables, queueUrl),
        queueUrl,
        indexer: name,
      });
    },
    { clock, maxAgeMs: Number.POSITIVE_INFINITY },
  );
  const events = new EventStream({ clock, readStatus, readWorkers });
  return {
    api: { indexer: name, ask: askWithin(database, clock), readStatus, readWorkers, openQueue, owner },
    events,
    async readReadiness() {
      const databaseCode = await checkDatabase().then(
        () => undefined,
        (error: unknown) => problemOf(error).code,
      );
      const view = currentHealth()?.indexers.find((one) => one.name === name) ?? null;
      return decideReadiness({ nowMs: clock.now(), view, databaseCode });
    },
    async close() {
      events.close();
      await Promise.all([database.end(), healthDatabase.end()]);
    },
  };
}
