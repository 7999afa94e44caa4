/**
 * Every name that an operator meets at AWS: the same in every deployment of a stage. What belongs to one indexer carries its name;
 * the network, the alarms' topic and the budget belong to the stage. No Pulumi in here.
 */

/** Of what all indexers of a stage share. */
export function sharedName(app: { readonly name: string; readonly stage: string }, name: string): string {
  return `${app.name}-${app.stage}-${name}`;
}

/** Of what belongs to one indexer. */
export interface IndexerNames {
  /** Of a resource or secret in SST's own list, after which it names the one at AWS. */
  resource(name: string): string;
  /** Of an alarm or a dashboard. */
  shown(name: string): string;
  logGroup(functionName: string): string;
  /** Indexers and stages of one account keep their metrics apart. */
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

/** "main-eu" and "Repairs" as "MainEuRepairs". */
export function resourceName(indexer: string, name: string): string {
  const capitals = indexer.replace(/(?:^|-)(.)/g, (_all, letter: string) => letter.toUpperCase());
  return `${capitals}${name}`;
}
