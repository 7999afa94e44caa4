import type { WorkEnd } from "./worker-slot.ts";

/** Totals of a worker from its start to its end. */
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

export function addReport(report: WorkReport, more: WorkReport): void {
  for (const [outcome, times] of Object.entries(more.outcomes)) {
    report.outcomes[outcome] = (report.outcomes[outcome] ?? 0) + times;
  }
  report.notBegun += more.notBegun;
  report.crashed += more.crashed;
}

/** Readable text: `done: 3 repaired, 1 healthy; 1 lost with a worker that crashed`. */
export function describeWork({ outcomes, notBegun, crashed }: WorkReport): string {
  const ended = Object.entries(outcomes).map(([outcome, times]) => `${times} ${outcome}`);
  return [
    `done: ${ended.length === 0 ? "no repair" : ended.join(", ")}`,
    ...(notBegun === 0 ? [] : [`${notBegun} could not begin`]),
    ...(crashed === 0 ? [] : [`${crashed} lost with a worker that crashed`]),
  ].join("; ");
}
