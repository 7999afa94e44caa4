/** An endpoint that speaks AWS's protocols: an emulator that this run starts, or the endpoint at AWS_ENDPOINT_URL. */
export interface AwsEndpoint {
  readonly name: string;
  /** Whether this run started the endpoint. If so, it has the pinned version, whose missing features are known. */
  readonly isPinned: boolean;
  readonly url: string;
  readonly region: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  /** Whether signatures and policies are enforced, as on AWS. */
  readonly checksPermissions: boolean;
  /**
   * Whether batches need a permission of their own, "sqs:SendMessageBatch". AWS has no such permission: there
   * "sqs:SendMessage" also covers batches.
   */
  readonly hasBatchRights: boolean;
  /** The endpoint's last lines of output; empty if this run did not start the endpoint. */
  readonly log: readonly string[];
  stop(): Promise<void>;
}

/** The options of every client of an endpoint. */
export function clientOptions({ url, region, credentials }: AwsEndpoint) {
  return { endpoint: url, region, credentials };
}

/** Emulators use the access key's id as the account id. */
export const EMULATOR_REGION = "eu-central-1";
export const EMULATOR_CREDENTIALS = { accessKeyId: "123456789012", secretAccessKey: "test" } as const;
