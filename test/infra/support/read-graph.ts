/** Queries on an evaluated configuration. */
import type { Evaluation, Resource } from "./evaluation.ts";

export type Graph = Extract<Evaluation, { kind: "evaluated" }>;

export function graphOf(evaluation: Evaluation): Graph {
  if (evaluation.kind === "refused") throw new Error(`the configuration was refused: ${evaluation.message}`);
  return evaluation;
}

/** "sqs/queue:Queue" */
export function ofType(graph: Graph, type: string): readonly Resource[] {
  return graph.resources.filter((resource) => resource.type === `aws:${type}`);
}

export function one(graph: Graph, type: string, name: string): Record<string, unknown> {
  const found = ofType(graph, type).find((resource) => resource.name === name);
  if (found === undefined) throw new Error(`no ${type} is named ${name}`);
  return found.inputs;
}

export interface Statement {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
}

/** The statements of a role's inline policies. */
export function statementsOf(graph: Graph, role: string): Statement[] {
  const policies = one(graph, "iam/role:Role", role)["inlinePolicies"] as readonly { policy: string }[];
  return policies.flatMap(({ policy }) => JSON.parse(policy) as Statement[]);
}

/** Pulumi's marker key for values that are encrypted in its state. */
const SECRET_MARK = "4dabf18193072939515e22adb298388d";

export function isSecret(value: unknown): boolean {
  return typeof value === "object" && value !== null && SECRET_MARK in value;
}

export function variablesOf(graph: Graph, functionName: string): Record<string, string> {
  const environment = one(graph, "lambda/function:Function", functionName)["environment"];
  const plain = isSecret(environment) ? (environment as { value: unknown }).value : environment;
  return (plain as { variables: Record<string, string> }).variables;
}

/**
 * The services that a trust policy allows to assume its role. `policy` is either a policy document by SST or the list
 * of statements that the mocks return.
 */
export function takersOf(policy: unknown): unknown[] {
  const parsed: unknown = typeof policy === "string" ? JSON.parse(policy) : policy;
  const isList = Array.isArray(parsed);
  const statements = (isList ? parsed : (parsed as { Statement: unknown }).Statement) as {
    Principal?: { Service: string };
    principals?: { type: string; identifiers: string[] }[];
  }[];
  return statements.flatMap(({ Principal, principals = [] }) => [
    ...(Principal === undefined ? [] : Object.values(Principal)),
    ...principals.flatMap(({ identifiers }) => identifiers),
  ]);
}
