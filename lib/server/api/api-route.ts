import type { FastifyInstance } from "fastify";
import * as v from "valibot";
import type { IndexerApi } from "../indexer-api.ts";
import type { ServedIndexers } from "../served-indexers.ts";
import { ServerError } from "../server-error.ts";

type Fields = v.StrictObjectSchema<v.ObjectEntries, undefined>;

/** One route of the API, used for serving, validation and the OpenAPI description. */
export interface ApiRoute {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Path below {@link API_ROOT} in OpenAPI's notation: `/slabs/{id}`. */
  readonly path: string;
  /** Stable name of the route: `operationId` in the OpenAPI description. */
  readonly name: string;
  readonly says: string;
  readonly params: Fields;
  readonly query: Fields;
  readonly body: Fields | undefined;
  readonly answer: v.GenericSchema;
  /** HTTP statuses of the problems that this route may report, in addition to those that any route may report. */
  readonly problems: readonly number[];
  /** True: the route is about the whole server and takes no `?indexer=`. */
  readonly ofServer: boolean;
  readonly run: (deps: IndexerApi | ServedIndexers, input: unknown) => Promise<object>;
}

export const API_ROOT = "/api/v1";
const NOTHING = v.strictObject({});

/** A whole number in a query, where every value is text. */
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
  Deps,
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
    deps: Deps,
    input: {
      readonly params: v.InferOutput<Params>;
      readonly query: v.InferOutput<Query>;
      readonly body: v.InferOutput<Body>;
    },
  ) => Promise<v.InferOutput<Answer> & object>;
}

/** Declares a route about one indexer. The compiler checks the type of the route's answer against its schema. */
export function apiRoute<
  Params extends Fields = typeof NOTHING,
  Query extends Fields = typeof NOTHING,
  Body extends Fields = typeof NOTHING,
  Answer extends v.GenericSchema = v.GenericSchema,
>(given: Given<IndexerApi, Params, Query, Body, Answer>): ApiRoute {
  return routeOf(given, false);
}

/** Like {@link apiRoute}, for a route about the server. */
export function serverRoute<
  Params extends Fields = typeof NOTHING,
  Query extends Fields = typeof NOTHING,
  Body extends Fields = typeof NOTHING,
  Answer extends v.GenericSchema = v.GenericSchema,
>(given: Given<ServedIndexers, Params, Query, Body, Answer>): ApiRoute {
  return routeOf(given, true);
}

function routeOf<
  Deps extends IndexerApi | ServedIndexers,
  Params extends Fields,
  Query extends Fields,
  Body extends Fields,
  Answer extends v.GenericSchema,
>(given: Given<Deps, Params, Query, Body, Answer>, ofServer: boolean): ApiRoute {
  const { params = NOTHING, query = NOTHING, body, problems = [] } = given;
  return { ...given, params, query, body, problems, ofServer, run: given.run as ApiRoute["run"] };
}

export function addApiRoutes(
  server: FastifyInstance,
  routes: readonly ApiRoute[],
  served: ServedIndexers,
): void {
  for (const { method, path, params, query, body, ofServer, run } of routes) {
    server.route({
      method,
      url: API_ROOT + path.replaceAll(/\{(\w+)\}/g, ":$1"),
      async handler(request, reply) {
        const { indexer, ...rest } = request.query as Record<string, unknown>;
        const asked = ofServer ? request.query : rest;
        const answer = await run(ofServer ? served : served.find(indexer).api, {
          params: parse("path", params, request.params),
          query: parse("query", query, asked),
          body: body === undefined ? {} : parse("body", body, request.body ?? {}),
        });
        return reply.header("cache-control", "no-store").send(answer);
      },
    });
  }
}

/** @throws {ServerError} `bad-request` with the first problem */
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
    remedy: `Read the API description: ${API_ROOT}/openapi.json.`,
  });
}
