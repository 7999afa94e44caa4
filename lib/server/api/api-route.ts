import type { FastifyInstance } from "fastify";
import * as v from "valibot";
import type { Ask } from "../../database/client/deadline-client.ts";
import type { RepairQueue } from "../../queue/repair-queue.ts";
import type { StatusReport } from "../../reports/status-schema.ts";
import { ServerError } from "../server-error.ts";
import type { WorkersReport } from "../workers-report.ts";

/** What the routes use of the world. */
export interface ApiDependencies {
  readonly ask: Ask;
  /** Shared by all who ask at the same time. */
  readonly readStatus: () => Promise<StatusReport>;
  readonly readWorkers: () => Promise<WorkersReport>;
  /** Undefined: none is configured. */
  readonly queue: RepairQueue | undefined;
  /** Who is recorded as the owner of a pause. */
  readonly owner: string;
}

type Fields = v.StrictObjectSchema<v.ObjectEntries, undefined>;

/** One route of the API: what is served, checked and described comes from this. */
export interface ApiRoute {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Below {@link API_ROOT}, as OpenAPI writes it: `/slabs/{id}`. */
  readonly path: string;
  /** Stable; names the operation. */
  readonly name: string;
  readonly says: string;
  readonly params: Fields;
  readonly query: Fields;
  readonly body: Fields | undefined;
  readonly answer: v.GenericSchema;
  /** Statuses of problems beyond those that every route has. */
  readonly problems: readonly number[];
  readonly run: (deps: ApiDependencies, input: unknown) => Promise<object>;
}

export const API_ROOT = "/api/v1";
const NOTHING = v.strictObject({});

/** A whole number in a query, which is text. */
export const whole = (least: number, most: number) =>
  v.pipe(
    v.string(),
    v.regex(/^-?[0-9]{1,9}$/),
    v.transform(Number),
    v.minValue(least),
    v.maxValue(most),
    v.description(`a whole number, ${least} to ${most}`),
  );

interface Given<
  Params extends Fields,
  Query extends Fields,
  Body extends Fields,
  Answer extends v.GenericSchema,
> {
  readonly method: ApiRoute["method"];
  readonly path: string;
  readonly name: string;
  readonly says: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  readonly answer: Answer;
  readonly problems?: readonly number[];
  readonly run: (
    deps: ApiDependencies,
    input: {
      readonly params: v.InferOutput<Params>;
      readonly query: v.InferOutput<Query>;
      readonly body: v.InferOutput<Body>;
    },
  ) => Promise<v.InferOutput<Answer> & object>;
}

/** Checks that a route's answer is what its schema says. */
export function apiRoute<
  Params extends Fields = typeof NOTHING,
  Query extends Fields = typeof NOTHING,
  Body extends Fields = typeof NOTHING,
  Answer extends v.GenericSchema = v.GenericSchema,
>(given: Given<Params, Query, Body, Answer>): ApiRoute {
  const { params = NOTHING, query = NOTHING, body, problems = [] } = given;
  return { ...given, params, query, body, problems, run: given.run as ApiRoute["run"] };
}

export function addApiRoutes(
  server: FastifyInstance,
  routes: readonly ApiRoute[],
  deps: ApiDependencies,
): void {
  for (const { method, path, params, query, body, run } of routes) {
    server.route({
      method,
      url: API_ROOT + path.replaceAll(/\{(\w+)\}/g, ":$1"),
      async handler(request, reply) {
        const answer = await run(deps, {
          params: parse("path", params, request.params),
          query: parse("query", query, request.query),
          body: body === undefined ? {} : parse("body", body, request.body ?? {}),
        });
        return reply.header("cache-control", "no-store").send(answer);
      },
    });
  }
}

/** @throws {ServerError} `bad-request`, naming the first thing that is wrong */
function parse<Schema extends v.GenericSchema>(
  where: string,
  schema: Schema,
  value: unknown,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const name = v.getDotPath(issue);
  throw new ServerError({
    status: 400,
    code: "bad-request",
    name: name === null ? where : `${where}, ${name}`,
    expected: issue.expected ?? "another value",
    got: issue.received.slice(0, 100),
    remedy: `Read the description: ${API_ROOT}/openapi.json.`,
  });
}
