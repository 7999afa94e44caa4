/** Names that an operator types: the same in every deployment of a stage. */
export function stageName(name: string): string {
  return `${$app.name}-${$app.stage}-${name}`;
}

export function logGroupName(functionName: string): string {
  return `/${$app.name}/${$app.stage}/${functionName}`;
}

/** Stages of one account keep their metrics apart. */
export function metricsNamespace(): string {
  return `${$app.name}/${$app.stage}`;
}
