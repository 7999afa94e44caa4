/** Renders indexers for people. Pure. */
import type { IndexerReport } from "../../../reports/indexers-schema.ts";

export function renderIndexers(reports: readonly IndexerReport[]): string {
  const width = Math.max(...reports.map(({ name }) => name.length));
  return reports
    .map(({ name, state, says }) => `${name.padEnd(width)}  ${state.padEnd(12)}  ${withoutName(name, says)}`)
    .join("\n");
}

export function renderIndexer({ says, state, since, holder, failures }: IndexerReport): string {
  return [
    says,
    `state    ${state}${since === null ? "" : `, since ${since}`}`,
    `driven   ${holder === null ? "by no process now" : `by ${holder}`}`,
    ...(failures === 0 ? [] : [`failed   ${failures} times in a row`]),
  ].join("\n");
}

const withoutName = (name: string, says: string): string => says.slice(name.length + 1);
