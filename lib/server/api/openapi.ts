/** The OpenAPI description, generated from the routes and their schemas; the console's types are generated from it. */
import { toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import { PROBLEM_TYPE, problemSchema } from "../problem.ts";
import { API_ROOT, type ApiRoute } from "./api-route.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * Statuses of problems that any route may report: for example bad input, a missing password, an unreachable database.
 */
const COMMON_PROBLEMS = [400, 401, 403, 421, 429, 500, 503];
const WRITE_PROBLEMS = [413, 415];

export function describeApi(
  routes: readonly ApiRoute[],
  eventSchemas: Readonly<Record<string, v.GenericSchema>>,
): Json {
  const paths: Record<string, Record<string, Json>> = {};
  const schemas: Record<string, Json> = { Problem: schemaOf(problemSchema, "output") };
  for (const [name, schema] of Object.entries(eventSchemas)) schemas[name] = schemaOf(schema, "output");
  for (const route of routes) {
    const name = typeName(route.name);
    schemas[name] = schemaOf(route.answer, "output");
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: describeRoute(route, name) };
  }
  paths["/events"] = { get: EVENTS };
  return {
    openapi: "3.1.0",
    info: {
      title: "slabmend",
      version: "1",
      description:
        "The reports that slabmend's commands print, and the changes that they make. docs/server.md describes access.",
    },
    servers: [{ url: API_ROOT }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "allows writes" },
        password: {
          type: "http",
          scheme: "basic",
          description: "needed if serve listens on an address that is not loopback",
        },
      },
    },
  };
}

const INDEXER: Json = {
  name: "indexer",
  in: "query",
  required: false,
  description: "name of the indexer; needed if there are several",
  schema: { type: "string" },
};

const EVENTS: Json = {
  operationId: "events",
  parameters: [INDEXER],
  summary:
    "Server-sent events, at least one every 5 s: `status` (Status), `workers` (Workers), and `database` (DatabaseEvent) at the start of the stream and when the database becomes unreachable or reachable.",
  responses: { 200: { description: "the stream", content: { "text/event-stream": {} } } },
};

function describeRoute(route: ApiRoute, answerName: string): Json {
  const { method, name, says, params, query, body, problems } = route;
  const writes = method !== "GET";
  const all = [
    ...COMMON_PROBLEMS,
    ...(writes ? WRITE_PROBLEMS : []),
    ...problems,
    // Unknown indexer.
    ...(route.ofServer ? [] : [404]),
  ];
  const statuses = [...new Set(all)].sort((a, b) => a - b);
  return {
    operationId: name,
    summary: says,
    security: writes ? [{ token: [] }] : [{}, { password: [] }, { token: [] }],
    parameters: [
      ...parametersOf(params, "path"),
      ...parametersOf(query, "query"),
      ...(route.ofServer ? [] : [INDEXER]),
    ],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { "application/json": { schema: schemaOf(body, "input") } },
          },
        }),
    responses: {
      200: {
        description: "the answer",
        content: { "application/json": { schema: { $ref: `#/components/schemas/${answerName}` } } },
      },
      ...Object.fromEntries(statuses.map((status) => [status, PROBLEM])),
    },
  };
}

const PROBLEM: Json = {
  description: "what is wrong",
  content: { [PROBLEM_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } },
};

function parametersOf(schema: ApiRoute["query"], where: "path" | "query"): Json[] {
  const { properties = {}, required = [] } = schemaOf(schema, "input") as {
    properties?: Record<string, Json>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property;
    return {
      name,
      in: where,
      required: required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

function schemaOf(schema: v.GenericSchema, typeMode: "input" | "output"): Json {
  // The routes transform a query's values from text. JSON Schema cannot describe a transformation, only the text.
  const { $schema: _, ...rest } = toJsonSchema(schema, {
    typeMode,
    target: "draft-2020-12",
    errorMode: "ignore",
  });
  return rest;
}

/** `dead-letters` -> `DeadLetters` */
function typeName(name: string): string {
  return name
    .split("-")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
}
