/**
 * Builds on an endpoint what `sst deploy` would create: the resources of the evaluated sst.config.ts, with their own
 * inputs and SST's own zip files. An unknown input is an error, so that everything that is deployed is also built here.
 */

import { IAMClient } from "@aws-sdk/client-iam";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { Resource } from "../../infra/support/evaluation.ts";
import type { Graph } from "../../infra/support/read-graph.ts";
import { BUILDERS, type Builder, type Clients, type Created } from "./build-resources.ts";
import { type AwsEndpoint, clientOptions } from "./endpoint.ts";

export interface BuiltGraph {
  readonly clients: Clients;
  /** What was created, by the logical names of the configuration. */
  readonly created: ReadonlyMap<string, Created>;
  /** Types of resources that have no builder. */
  readonly notBuilt: readonly string[];
  remove(): Promise<void>;
}

/**
 * The order in which types of resources are built; a type may need earlier types: policies name queues, functions
 * name roles, mappings and schedules name functions.
 */
const ORDER = [
  "aws:sqs/queue:Queue",
  "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
  "aws:iam/role:Role",
  "aws:lambda/function:Function",
  "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
  "aws:lambda/eventSourceMapping:EventSourceMapping",
  "aws:scheduler/schedule:Schedule",
] as const satisfies readonly (keyof typeof BUILDERS)[];

export async function buildGraph(
  graph: Graph,
  endpoint: AwsEndpoint,
  zipFiles: ReadonlyMap<string, Buffer>,
): Promise<BuiltGraph> {
  const options = clientOptions(endpoint);
  const clients: Clients = {
    sqs: new SQSClient(options),
    lambda: new LambdaClient(options),
    scheduler: new SchedulerClient(options),
    iam: new IAMClient(options),
  };
  const created = new Map<string, Created>();
  /** Maps each ARN and URL that was given to the configuration to the real one. */
  const realNames = new Map<string, string>();
  const remove = async (): Promise<void> => {
    for (const { remove: removeOne } of [...created.values()].toReversed()) await removeOne();
    for (const client of Object.values(clients)) client.destroy();
  };
  try {
    for (const type of ORDER) {
      const build = BUILDERS[type] as Builder;
      for (const { name, inputs } of inOrder(graph.resources, type)) {
        const real = await build(replaceNames(inputs, realNames), {
          clients,
          zipFiles,
          hasBatchRights: endpoint.hasBatchRights,
        });
        created.set(name, real);
        const told = toldNames(type, name);
        if (told.arn !== undefined) realNames.set(told.arn, real.arn);
        if (told.url !== undefined) realNames.set(told.url, real.id);
      }
    }
  } catch (error) {
    await remove();
    throw error;
  }
  const known: readonly string[] = ORDER;
  const notBuilt = graph.resources.map(({ type }) => type).filter((type) => !known.includes(type));
  return { clients, created, notBuilt: [...new Set(notBuilt)].toSorted(), remove };
}

/** The ARN and URL that test/infra invented for a resource and gave to the configuration. */
function toldNames(type: string, name: string): { readonly arn?: string; readonly url?: string } {
  const account = "123456789012";
  const region = "eu-central-1";
  switch (type) {
    case "aws:sqs/queue:Queue":
      return {
        arn: `arn:aws:sqs:${region}:${account}:${name}`,
        url: `https://sqs.${region}.amazonaws.com/${account}/${name}`,
      };
    case "aws:lambda/function:Function":
      return { arn: `arn:aws:lambda:${region}:${account}:function:${name}` };
    case "aws:iam/role:Role":
      return { arn: `arn:aws:iam::${account}:role/${name}` };
    default:
      return {};
  }
}

/** A queue is created after its dead-letter queue. */
function inOrder(resources: readonly Resource[], type: string): readonly Resource[] {
  const last = ({ inputs }: Resource): number => Number("redrivePolicy" in inputs);
  return resources.filter((resource) => resource.type === type).toSorted((a, b) => last(a) - last(b));
}

function replaceNames<Value>(value: Value, names: ReadonlyMap<string, string>): Value {
  let text = JSON.stringify(value);
  for (const [told, is] of names) text = text.replaceAll(told, is);
  return JSON.parse(text) as Value;
}
