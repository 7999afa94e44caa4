/** The phases of a repair, in order, as worker processes report them. */
const PHASES = ["begin", "plan", "transfer", "commit", "events"] as const;

export interface PhaseStep {
  readonly name: string;
  readonly state: "done" | "now" | "next";
}

/**
 * The steps of a repair that is in this phase. If the phase is unknown, because the worker is newer, no step counts as
 * done.
 */
export function stepsOf(phase: string): PhaseStep[] {
  const at = (PHASES as readonly string[]).indexOf(phase);
  return PHASES.map((name, index) => ({ name, state: index < at ? "done" : index === at ? "now" : "next" }));
}
