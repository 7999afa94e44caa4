/** The HTTP server: access checks, error responses and routes. It has no migration seed. */
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Clock } from "../clock/clock.ts";
import type { Logger } from "../telemetry/logger.ts";
import { PROMETHEUS_CONTENT_TYPE } from "../telemetry/prometheus-metrics.ts";
import { RepeatedLines } from "../telemetry/repeated-lines.ts";
import { type AccessSettings, addAccessChecks, HEALTH_PATHS } from "./access/add-access-checks.ts";
import { API_ROOT, addApiRoutes } from "./api/api-route.ts";
import { API_DESCRIPTION, API_ROUTES } from "./api/routes.ts";
import { addConsoleFiles, type ConsoleFile } from "./console-files.ts";
import { MOST_STREAMS } from "./event-stream.ts";
import { PROBLEM_TYPE, problemOf } from "./problem.ts";
import type { ServedIndexers } from "./served-indexers.ts";
import { ServerError } from "./server-error.ts";

export interface ServerOptions {
  readonly access: AccessSettings;
  readonly indexers: ServedIndexers;
  /** False if the supervising process is silent. */
  readonly isLive: () => boolean;
  /** The response to a scrape by Prometheus. */
  readonly scrape: () => Promise<string>;
  readonly files: ReadonlyMap<string, ConsoleFile>;
  /** Directives of the Content-Security-Policy. */
  readonly policy: Readonly<Record<string, readonly string[]>>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The largest request body contains a thousand message ids of up to 200 characters each. */
const MOST_BODY_BYTES = 256 * 1_024;
/** Time to receive a request in full, so that a slow client cannot hold a connection for long. */
const REQUEST_MS = 10_000;
const IDLE_MS = 65_000;
const MOST_CONNECTIONS = 1_000;
/** The requests of fifty consoles on one machine and of a scrape per second stay far below this limit. */
const REQUESTS_A_MINUTE = 3_000;

export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const { access, indexers, files, policy } = options;
  const server = Fastify({
    logger: false,
    bodyLimit: MOST_BODY_BYTES,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: IDLE_MS,
    http: { headersTimeout: REQUEST_MS, connectionsCheckingInterval: 1_000 },
    forceCloseConnections: true,
    // A malformed URL reaches no hook, so it is handled here.
    frameworkErrors(error, _request, reply) {
      const problem = problemOf(error);
      void (reply as FastifyReply).code(problem.status).type(PROBLEM_TYPE).send(problem);
    },
    routerOptions: { maxParamLength: 200 },
  });
  server.server.maxConnections = MOST_CONNECTIONS;
  server.removeContentTypeParser("text/plain");
  answerFailures(server, options);
  await server.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: copyOf(policy) },
    // This server speaks plain HTTP and must not send this header; a proxy that terminates TLS should send it.
    strictTransportSecurity: false,
    crossOriginEmbedderPolicy: { policy: "require-corp" },
    referrerPolicy: { policy: "no-referrer" },
    xFrameOptions: { action: "deny" },
  });
  await server.register(rateLimit, {
    global: true,
    max: REQUESTS_A_MINUTE,
    timeWindow: 60_000,
    allowList: ({ url }) => HEALTH_PATHS.has(url.split("?", 1)[0]!),
  });
  addAccessChecks(server, access);
  addHealth(server, options);
  server.get("/metrics", async (_request, reply) =>
    reply
      .type(PROMETHEUS_CONTENT_TYPE)
      .header("cache-control", "no-store")
      .send(await options.scrape()),
  );
  addApiRoutes(server, API_ROUTES, indexers);
  server.get(`${API_ROOT}/openapi.json`, async () => API_DESCRIPTION);
  addEvents(server, indexers);
  addConsoleFiles(server, files);
  return server;
}

const copyOf = (policy: ServerOptions["policy"]): Record<string, string[]> =>
  Object.fromEntries(Object.entries(policy).map(([name, values]) => [name, [...values]]));

function answerFailures(server: FastifyInstance, { logger, clock }: ServerOptions): void {
  const lines = new RepeatedLines(clock);
  server.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error);
    if (problem.status === 500) {
      const text = "a request failed unexpectedly";
      const said = lines.note(text, error);
      if (said !== undefined) logger.error({ error, route: request.routeOptions.url, ...said }, text);
    }
    return reply.code(problem.status).header("cache-control", "no-store").type(PROBLEM_TYPE).send(problem);
  });
  server.setNotFoundHandler((_request, reply) => {
    const error = new ServerError({
      status: 404,
      code: "not-found",
      name: "the path",
      expected: "a path of the console or the API, and a method that this path supports",
      got: "another",
      remedy: `Read the API description: ${API_ROOT}/openapi.json.`,
    });
    return reply.code(404).type(PROBLEM_TYPE).send(problemOf(error));
  });
}

const indexerOf = ({ query }: FastifyRequest): unknown => (query as Record<string, unknown>)["indexer"];

function addHealth(server: FastifyInstance, { isLive, indexers }: ServerOptions): void {
  server.get("/healthz", async (_request, reply) => {
    const live = isLive();
    return reply
      .code(live ? 200 : 503)
      .header("cache-control", "no-store")
      .send({ live });
  });
  server.get("/readyz", async (request, reply) => {
    const readiness = await indexers.readReadiness(indexerOf(request));
    return reply
      .code(readiness.ready ? 200 : 503)
      .header("cache-control", "no-store")
      .send(readiness);
  });
}

function addEvents(server: FastifyInstance, indexers: ServedIndexers): void {
  server.get(`${API_ROOT}/events`, (request, reply) => {
    const { events } = indexers.find(indexerOf(request));
    if (indexers.streams >= MOST_STREAMS) throw tooManyStreams();
    reply.hijack();
    reply.raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      // Keeps a proxy that runs nginx from buffering the events.
      "x-accel-buffering": "no",
    });
    events.add(reply.raw);
  });
  server.addHook("preClose", async () => indexers.closeEvents());
}

const tooManyStreams = () =>
  new ServerError({
    status: 503,
    code: "too-many-streams",
    name: "open event streams",
    expected: `at most ${MOST_STREAMS}`,
    got: "that many already",
    remedy: "Close unused consoles.",
  });
