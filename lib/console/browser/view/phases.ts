/** The phases of a repair in their order: what a worker process tells of itself. */
const PHASES = ["begin", "plan", "transfer", "commit", "events"] as const;

export interface PhaseStep {
  readonly name: string;
  readonly state: "done" | "now" | "next";
}

/** Where a repair is. A phase that is not known, as of a newer worker, shows nothing as done. */
export function stepsOf(phase: string): PhaseStep[] {
  const at = (PHASES as readonly string[]).indexOf(phase);
  return PHASES.map((name, index) => ({ name, state: index < at ? "done" : index === at ? "now" : "next" }));
}
