/**
 * Every name that an operator meets at AWS: the same in every deployment of a stage. What belongs to one indexer carries its name;
 * the network, the alarms' topic and the budget belong to the stage. No Pulumi in here.
 */

export interface StageNames {
  /** Of what all indexers of a stage share. */
  ofStage(name: string): string;
  /** Of a resource or secret in SST's own list, after which it names the one at AWS. */
  resource(name: string): string;
  /** Of an alarm or a dashboard. */
  shown(name: string): string;
  logGroup(functionName: string): string;
  /** Indexers and stages of one account keep their metrics apart. */
  readonly metricsNamespace: string;
}

export interface StageIdentity {
  readonly app: string;
  readonly stage: string;
  readonly indexer: string;
}

export function namesOf({ app, stage, indexer }: StageIdentity): StageNames {
  return {
    ofStage: (name) => `${app}-${stage}-${name}`,
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
