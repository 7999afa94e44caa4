/** The summary sentence of a status, for the command, the API and the console. Pure. */
import { duration } from "./duration.ts";
import { modeInWords } from "./mode.ts";
import type { StatusReport } from "./status-schema.ts";

export type SentenceFacts = Pick<StatusReport, "mode" | "breaker" | "slabs" | "walk" | "claim">;

/** A pass takes seconds to minutes; if the last pass is older than this, the sentence says when it ended. */
export const WALK_IS_OLD_SECONDS = 1_800;

export function statusSentence(facts: SentenceFacts): StatusReport["sentence"] {
  const { unhealthy, inDanger } = facts.slabs;
  const stop = whyNothingIsRepaired(facts);
  if (unhealthy === null || inDanger === null) {
    return { level: "unknown", text: `Unknown: no walk has finished yet${stop === null ? "" : `; ${stop}`}` };
  }
  // Without claims there are no walks either, so the findings may be outdated.
  const isOld = (facts.walk.ageSeconds ?? 0) > WALK_IS_OLD_SECONDS;
  const are = isOld ? "were" : "are";
  const asOf = isOld ? ` ${duration(facts.walk.ageSeconds ?? 0)} ago` : "";
  if (inDanger > 0) {
    const beyond = facts.slabs.beyondRescue ?? 0;
    const lost =
      beyond === 0 ? "" : `, ${beyond === inDanger ? "all" : number(beyond)} of them beyond rescue`;
    const danger = `${slabs(inDanger)} ${inDanger === 1 && !isOld ? "is" : inDanger === 1 ? "was" : are} in danger${asOf}${lost}`;
    return { level: "danger", text: stop === null ? danger : `${danger}; nothing is repaired: ${stop}` };
  }
  if (unhealthy > 0) {
    const left = `${number(unhealthy)} of ${all(facts)} ${unhealthy === 1 ? "has" : "have"} to be repaired`;
    return stop === null
      ? { level: "waiting", text: `No slab ${isOld ? "was" : "is"} in danger${asOf}; ${left}` }
      : { level: "stopped", text: `Nothing is repaired: ${stop}; ${left}` };
  }
  if (facts.claim.hasStopped === true) return { level: "stopped", text: `Nothing is repaired: ${stop}` };
  const safe = facts.slabs.total === 0 ? "indexd has no slabs" : `All ${all(facts)} ${are} safe${asOf}`;
  return { level: "safe", text: stop === null ? safe : `${safe}; ${stop}` };
}

/** Completes "nothing is repaired: …"; null if repairs run. */
function whyNothingIsRepaired({ mode, claim, breaker }: SentenceFacts): string | null {
  if (mode.kind !== "running") {
    return `${modeInWords(mode.kind)}${mode.owner === null ? "" : ` by ${mode.owner}`}`;
  }
  if (claim.hasStopped === true) {
    return claim.ageSeconds === null ? "no claim has run yet" : `no claim for ${duration(claim.ageSeconds)}`;
  }
  return breaker.open ? "the circuit breaker is open" : null;
}

const number = (count: number): string => count.toLocaleString("en-US");

const slabs = (count: number): string => `${number(count)} ${count === 1 ? "slab" : "slabs"}`;

function all({ slabs: { total, totalIsExact } }: SentenceFacts): string {
  if (total === null) return "slabs";
  return totalIsExact ? slabs(total) : `about ${slabs(total)}`;
}
