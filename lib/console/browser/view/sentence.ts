import type { StatusReport } from "../openapi/reports.ts";
import { ago, counted, duration } from "./format.ts";
import type { IconName, Tone } from "./tone.ts";

export interface Sentence {
  readonly tone: Tone;
  readonly icon: IconName;
  readonly text: string;
  /** What makes the sentence believable: ages and counts. */
  readonly facts: readonly string[];
}

const LOOKS: Readonly<Record<StatusReport["sentence"]["level"], readonly [Tone, IconName]>> = {
  safe: ["good", "check"],
  waiting: ["wait", "clock"],
  stopped: ["warn", "pause"],
  danger: ["danger", "alert"],
  unknown: ["quiet", "question"],
};

/** The sentence on top. Its words come from the server, so that `slabmend status` says the same. */
export function sentenceOf(status: StatusReport, nowMs: number): Sentence {
  const [tone, icon] = LOOKS[status.sentence.level];
  return { tone, icon, text: status.sentence.text, facts: factsOf(status, nowMs) };
}

function factsOf({ walk, claim, slabs, leases, throughput }: StatusReport, nowMs: number): string[] {
  const facts = [walk.at === null ? "No walk has finished yet" : `Last walk ${ago(walk.at, nowMs)}`];
  facts.push(claim.at === null ? "Nothing was claimed yet" : `last claim ${ago(claim.at, nowMs)}`);
  if (slabs.ready !== null && slabs.ready > 0) facts.push(`${counted(slabs.ready, "slab")} ready`);
  if (slabs.waiting !== null && slabs.waiting > 0) facts.push(`${counted(slabs.waiting, "slab")} waiting`);
  if (leases.running > 0) facts.push(`${counted(leases.running, "repair")} running`);
  if (throughput.secondsLeft !== null) facts.push(`about ${duration(throughput.secondsLeft)} left`);
  return facts;
}
