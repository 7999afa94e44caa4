/**
 * Every name that an operator sees at AWS; it is the same in every deployment of a stage. Resources of one indexer
 * carry the indexer's name; the network, the alarms' topic and the budget belong to the stage. This file does not use
 * Pulumi.
 */

/** Name of a resource that all indexers of a stage share. */
export function sharedName(app: { readonly name: string; readonly stage: string }, name: string): string {
  return `${app.name}-${app.stage}-${name}`;
}

/** Name of a resource of one indexer. */
export interface IndexerNames {
  /** Name of a resource or secret in SST's own list; from it SST derives the name at AWS. */
  resource(name: string): string;
  /** Name of an alarm or a dashboard. */
  shown(name: string): string;
  logGroup(functionName: string): string;
  /** Metrics namespace; separate for each indexer and stage of an account. */
  readonly metricsNamespace: string;
}

export interface IndexerIdentity {
  readonly app: string;
  readonly stage: string;
  readonly indexer: string;
}

export function namesOf({ app, stage, indexer }: IndexerIdentity): IndexerNames {
  return {
    resource: (name) => resourceName(indexer, name),
    shown: (name) => `${app}-${stage}-${indexer}-${name}`,
    logGroup: (functionName) => `/${app}/${stage}/${indexer}/${functionName}`,
    metricsNamespace: `${app}/${stage}/${indexer}`,
  };
}

/** For indexer "main-eu" and name "Repairs": "MainEuRepairs". */
export function resourceName(indexer: string, name: string): string {
  const capitals = indexer.replace(/(?:^|-)(.)/g, (_all, letter: string) => letter.toUpperCase());
  return `${capitals}${name}`;
}
