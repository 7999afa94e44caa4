import openapiTypescript, { astToString, type OpenAPI3 } from "openapi-typescript";
import { API_DESCRIPTION } from "../lib/server/api/routes.ts";

const HEAD = `/**
 * The types of the API, generated from its OpenAPI description by \`node scripts/write-console-types.ts\`. A test
 * compares both.
 */
`;

/** Returns the API's types, which the console uses, as TypeScript. */
export async function describeConsoleTypes(): Promise<string> {
  const nodes = await openapiTypescript(API_DESCRIPTION as unknown as OpenAPI3, { alphabetize: true });
  return HEAD + astToString(nodes);
}
