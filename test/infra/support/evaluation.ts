/** Requests to the evaluating process, and its answers. */

export interface EvaluationRequest {
  readonly stage: string;
  /** The variables that `sst deploy` would find in its environment and in the .env files. */
  readonly environment: Readonly<Record<string, string>>;
  /** As set by `sst secret set`. */
  readonly secrets: Readonly<Record<string, string>>;
  /** A folder for bundles and zip files; the caller removes it. */
  readonly folder: string;
}

export interface Resource {
  /** "aws:sqs/queue:Queue" */
  readonly type: string;
  /** The logical name, which does not have the random suffix of the physical name. */
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

export type Evaluation =
  | {
      readonly kind: "evaluated";
      readonly app: Readonly<Record<string, unknown>>;
      readonly outputs: Readonly<Record<string, unknown>>;
      /** By type and name. */
      readonly resources: readonly Resource[];
      /** For each resource name, the names of the resources that it depends on. */
      readonly dependencies: Readonly<Record<string, readonly string[]>>;
    }
  | {
      readonly kind: "refused";
      readonly message: string;
      /** The resources that were requested from Pulumi before the refusal. */
      readonly registered: readonly Resource[];
    };
