/**
 * The process that serves HTTP. Its parent supervises it, tells it how the fleet of this machine is, and ends it by closing the
 * channel. It is started without the migration seed and may read no file but its code (http-environment.ts).
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

/** The parent tells each second how it is; after this silence it hangs. */
const SILENT_AFTER_MS = 15_000;
/** Prometheus waits 10 s by default. */
const SCRAPE_LIMIT_MS = 5_000;

const clock = systemClock;
const environment = parseEnvironment(["SLABMEND_LOG_LEVEL"], process.env);
const logger = createLogger(environment.SLABMEND_LOG_LEVEL, {
  // Of the only one; where there are several, what it logs is about none of them.
  indexer: process.env["SLABMEND_INDEXER"],
  destination: inheritedLogDestination(),
});

let health: { readonly told: SupervisorHealth; readonly atMs: number } | undefined;
const startedAtMs = clock.now();
const currentHealth = (): SupervisorHealth | null =>
  health !== undefined && clock.now() - health.atMs < SILENT_AFTER_MS ? health.told : null;

const open = new Map<string, { readonly from: string; readonly indexer: OpenIndexer }>();
let owner = "";

/** Leaves those open that are as they were. */
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
    // Before the first word it counts as alive: it has just been started.
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
  else if (message.kind === "indexers") replaceIndexers(message.indexers);
  else {
    owner = message.settings.owner;
    serve(message.settings).catch((error: unknown) => {
      logger.fatal({ error }, "the HTTP server could not be made");
      process.exit(1);
    });
  }
});
