/**
 * Emulates SQS in this process, on loopback, with fauxqs. A message that is received too often goes to a dead-letter
 * queue.
 *
 * fauxqs's own `startFauxqs` listens on every interface, and its queue URLs contain `sqs.<region>.localhost`, which not
 * every machine resolves. So this file starts the listener and makes the queues' URLs itself. That works because fauxqs
 * reads only the last part of a URL.
 */
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { buildApp } from "fauxqs";
import { LocalRuntimeError } from "../process/errors.ts";
import { LOCAL_ACCOUNT, LOCAL_CREDENTIALS, LOCAL_REGION } from "./function-definition.ts";

export interface Queue {
  readonly url: string;
  readonly arn: string;
}

export interface QueuePair {
  readonly repairs: Queue;
  readonly deadLetters: Queue;
}

export interface QueueOptions {
  /** How long a received message stays invisible. AWS recommends six times the function's timeout. */
  readonly visibilityTimeoutSeconds: number;
  /** The number of receives after which a message goes to the dead-letter queue. */
  readonly maxReceiveCount: number;
  /** The queues are called PREFIX-repairs and PREFIX-dead-letters. Default: `slabmend`. */
  readonly namePrefix?: string;
}

interface QueueCounts {
  readonly visible: number;
  readonly inFlight: number;
}

export interface QueueServer {
  /** The value for the variable AWS_ENDPOINT_URL_SQS or AWS_ENDPOINT_URL. */
  readonly url: string;
  /** Creates a client of this server; the caller ends it with `destroy()`. */
  createClient(): SQSClient;
  createQueues(options: QueueOptions): Promise<QueuePair>;
  count(queue: Queue): Promise<QueueCounts>;
  stop(): Promise<void>;
}

export async function startQueueServer(): Promise<QueueServer> {
  const application = buildApp({ logger: false, defaultRegion: LOCAL_REGION });
  let url: string;
  try {
    url = await application.listen({ port: 0, host: "127.0.0.1" });
  } catch (cause) {
    throw new LocalRuntimeError({
      code: "queue-failed",
      message: "the embedded SQS could not listen on loopback",
      remedy: "Allow listening on 127.0.0.1.",
      cause,
    });
  }
  const createClient = (): SQSClient =>
    new SQSClient({ endpoint: url, region: LOCAL_REGION, credentials: LOCAL_CREDENTIALS });
  const client = createClient();

  const createQueue = async (name: string, attributes: Record<string, string>): Promise<Queue> => {
    await client.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
    return {
      url: `${url}/${LOCAL_ACCOUNT}/${name}`,
      arn: `arn:aws:sqs:${LOCAL_REGION}:${LOCAL_ACCOUNT}:${name}`,
    };
  };
  let stopping: Promise<void> | undefined;
  return {
    url,
    createClient,
    async createQueues({ visibilityTimeoutSeconds, maxReceiveCount, namePrefix = "slabmend" }) {
      const deadLetters = await createQueue(`${namePrefix}-dead-letters`, {});
      const repairs = await createQueue(`${namePrefix}-repairs`, {
        VisibilityTimeout: String(visibilityTimeoutSeconds),
        RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount }),
      });
      return { repairs, deadLetters };
    },
    async count(queue) {
      const { Attributes: attributes = {} } = await client.send(
        new GetQueueAttributesCommand({
          QueueUrl: queue.url,
          AttributeNames: ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        }),
      );
      return {
        visible: Number(attributes["ApproximateNumberOfMessages"]),
        inFlight: Number(attributes["ApproximateNumberOfMessagesNotVisible"]),
      };
    },
    stop() {
      stopping ??= (async () => {
        client.destroy();
        await application.close();
      })();
      return stopping;
    },
  };
}
