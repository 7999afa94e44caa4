import type { WorkEnd } from "./worker-slot.ts";

/** What a worker did from its start to its end. */
export interface WorkReport {
  readonly outcomes: Record<string, number>;
  notBegun: number;
  crashed: number;
}

export function createWorkReport(): WorkReport {
  return { outcomes: {}, notBegun: 0, crashed: 0 };
}

export function countEnd(report: WorkReport, end: WorkEnd): void {
  if (end.kind === "ended") report.outcomes[end.outcome] = (report.outcomes[end.outcome] ?? 0) + 1;
  else if (end.kind === "not-begun") report.notBegun += 1;
  else report.crashed += 1;
}
