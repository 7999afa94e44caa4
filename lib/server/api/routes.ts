/** Every route of the API, and the OpenAPI description of the API. */
import * as v from "valibot";
import { schemaVersion } from "../../reports/fields.ts";
import { workersSchema } from "../workers-report.ts";
import { INDEXER_ROUTES } from "./indexer-routes.ts";
import { describeApi } from "./openapi.ts";
import { READ_ROUTES } from "./read-routes.ts";
import { REPORT_ROUTES } from "./report-routes.ts";
import { RUN_ROUTES } from "./run-routes.ts";
import { WRITE_ROUTES } from "./write-routes.ts";

/** The event `database`. */
const databaseEventSchema = v.object({
  schemaVersion,
  away: v.boolean(),
  since: v.nullable(v.pipe(v.string(), v.isoTimestamp(), v.description("by this machine's clock"))),
  code: v.nullable(v.pipe(v.string(), v.description("stable"))),
});

export const API_ROUTES = [
  ...READ_ROUTES,
  ...REPORT_ROUTES,
  ...RUN_ROUTES,
  ...WRITE_ROUTES,
  ...INDEXER_ROUTES,
];
export const API_DESCRIPTION = describeApi(API_ROUTES, {
  Workers: workersSchema,
  DatabaseEvent: databaseEventSchema,
});
