/** An endpoint that speaks AWS's protocols: an emulator that this run starts, or the one that AWS_ENDPOINT_URL names. */
export interface AwsEndpoint {
  readonly name: string;
  /** Started by this run, in the version that is pinned: then what it lacks is known. */
  readonly isPinned: boolean;
  readonly url: string;
  readonly region: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  /** Signatures and policies count, as on AWS. */
  readonly checksPermissions: boolean;
  /** It asks for the right to "sqs:SendMessageBatch", which AWS does not have: there the right to "sqs:SendMessage" is both. */
  readonly hasBatchRights: boolean;
  /** What it printed, latest last; empty for one that somebody else started. */
  readonly log: readonly string[];
  stop(): Promise<void>;
}

/** What every client of an endpoint is made with. */
export function clientOptions({ url, region, credentials }: AwsEndpoint) {
  return { endpoint: url, region, credentials };
}

/** Emulators take the first for the account's id. */
export const EMULATOR_REGION = "eu-central-1";
export const EMULATOR_CREDENTIALS = { accessKeyId: "123456789012", secretAccessKey: "test" } as const;
