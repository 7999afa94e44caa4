/**
 * The HTTP process. Its parent supervises it, sends it the state of this machine's workers, and ends it by closing the
 * channel between them. The process has no migration seed and may read only its own code (http-environment.ts).
 */

import { systemClock } from "../clock/clock.ts";
import { parseEnvironment } from "../config/parse-environment.ts";
import { reportView } from "../lifecycle/report-indexers.ts";
import { Secret } from "../secret/secret.ts";
import { inheritedLogDestination } from "../telemetry/log-format.ts";
import { createLogger } from "../telemetry/logger.ts";
import { createServer } from "./create-server.ts";
import type { FromHttp, HttpIndexer, HttpSettings, ToHttp } from "./http-messages.ts";
import { type OpenIndexer, openIndexer } from "./open-indexer.ts";
import { ServedIndexers } from "./served-indexers.ts";
import type { SupervisorHealth } from "./workers-report.ts";

/** The parent sends its state each second. A parent that has sent nothing for this long counts as hanging. */
const SILENT_AFTER_MS = 15_000;
/** Prometheus waits 10 s by default. */
const SCRAPE_LIMIT_MS = 5_000;

const clock = systemClock;
const environment = parseEnvironment(["SLABMEND_LOG_LEVEL"], process.env);
const logger = createLogger(environment.SLABMEND_LOG_LEVEL, {
  // Set if there is only one indexer. With several indexers, this process's log lines name no indexer.
  indexer: process.env["SLABMEND_INDEXER"],
  destination: inheritedLogDestination(),
});

let health: { readonly told: SupervisorHealth; readonly atMs: number } | undefined;
const startedAtMs = clock.now();
const currentHealth = (): SupervisorHealth | null =>
  health !== undefined && clock.now() - health.atMs < SILENT_AFTER_MS ? health.told : null;

const open = new Map<string, { readonly from: string; readonly indexer: OpenIndexer }>();
let owner = "";

/** Keeps unchanged indexers open. */
function replaceIndexers(indexers: readonly HttpIndexer[]): void {
  const wanted = new Map(indexers.map((indexer) => [indexer.name, indexer]));
  for (const [name, { from, indexer }] of open) {
    if (JSON.stringify(wanted.get(name)) === from) continue;
    open.delete(name);
    void indexer.close();
  }
  for (const [name, indexer] of wanted) {
    if (open.has(name)) continue;
    const opened = openIndexer(indexer, { clock, owner, currentHealth, variables: process.env });
    open.set(name, { from: JSON.stringify(indexer), indexer: opened });
  }
}

async function serve(settings: HttpSettings): Promise<void> {
  const served = new ServedIndexers(
    () => new Map([...open].map(([name, { indexer }]) => [name, indexer])),
    () => (currentHealth()?.indexers ?? []).map(reportView),
  );
  const server = await createServer({
    access: {
      hosts: settings.hosts,
      token: new Secret(settings.token),
      passwordHash: settings.passwordHash === null ? null : new Secret(settings.passwordHash),
    },
    indexers: served,
    // A parent that has sent nothing yet counts as alive until SILENT_AFTER_MS after this process's start.
    isLive: () => currentHealth() !== null || clock.now() - startedAtMs < SILENT_AFTER_MS,
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
      .then(() => Promise.all([...open.values()].map(({ indexer }) => indexer.close())))
      .finally(() => process.exit(0));
  });
}

function tell(message: FromHttp): void {
  if (process.connected) process.send?.(message);
}

// Ignored: the parent ends this process. Terminals send SIGINT, and service managers SIGTERM, to child processes too.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});

let scrapes: ((text: string) => void)[] = [];

/**
 * Asks the parent for the metrics, because the parent has the counters. Rejects if the parent does not answer, so that
 * Prometheus sees a failed scrape.
 */
function scrape(): Promise<string> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(SCRAPE_LIMIT_MS, () =>
      reject(new Error("the supervising process does not answer")),
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
  else if (message.kind === "indexers") replaceIndexers(message.indexers);
  else {
    owner = message.settings.owner;
    serve(message.settings).catch((error: unknown) => {
      logger.fatal({ error }, "the HTTP server could not be created");
      process.exit(1);
    });
  }
});
