/** Finds the services of a fleet that an endpoint lacks, by a list request to each. */
import { IAMClient, ListRolesCommand } from "@aws-sdk/client-iam";
import { LambdaClient, ListEventSourceMappingsCommand, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { ListSchedulesCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { type AwsEndpoint, clientOptions } from "./endpoint.ts";

const SERVICES = ["Lambda", "event-source mappings", "EventBridge Scheduler", "IAM"] as const;
export type Service = (typeof SERVICES)[number];

export interface MissingService {
  readonly service: Service;
  /** What the endpoint answered instead of a list. */
  readonly answer: string;
}

export async function findMissingServices(endpoint: AwsEndpoint): Promise<MissingService[]> {
  const options = { ...clientOptions(endpoint), maxAttempts: 1 };
  const lambda = new LambdaClient(options);
  const scheduler = new SchedulerClient(options);
  const iam = new IAMClient(options);
  const questions: Record<Service, () => Promise<unknown>> = {
    Lambda: () => lambda.send(new ListFunctionsCommand({})),
    "event-source mappings": () => lambda.send(new ListEventSourceMappingsCommand({})),
    "EventBridge Scheduler": () => scheduler.send(new ListSchedulesCommand({})),
    IAM: () => iam.send(new ListRolesCommand({})),
  };
  const missing: MissingService[] = [];
  for (const service of SERVICES) {
    await questions[service]().catch((error: unknown) => {
      missing.push({ service, answer: error instanceof Error ? error.name : String(error) });
    });
  }
  for (const client of [lambda, scheduler, iam]) client.destroy();
  return missing;
}

/** The missing services of the pinned versions, which a test checks. LocalStack is started with only SQS and S3. */
export const KNOWN_MISSING: Readonly<Record<string, readonly Service[]>> = {
  fauxqs: SERVICES,
  MiniStack: [],
  LocalStack: SERVICES,
};
