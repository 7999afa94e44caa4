/** The phases of a repair, in order, as worker processes report them. */
const PHASES = ["begin", "plan", "transfer", "commit", "events"] as const;

export interface PhaseStep {
  readonly name: string;
  readonly state: "done" | "now" | "next";
}

/** The position of a phase. For an unknown phase, such as a newer worker's, no phase counts as done. */
export function stepsOf(phase: string): PhaseStep[] {
  const at = (PHASES as readonly string[]).indexOf(phase);
  return PHASES.map((name, index) => ({ name, state: index < at ? "done" : index === at ? "now" : "next" }));
}
