import type { StatusReport } from "../openapi/reports.ts";
import type { Connection } from "./connection.ts";
import { ago, clockTime, counted, duration } from "./format.ts";
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

/**
 * The sentence on top. Its words come from the server, so that `slabmend status` says the same; while nothing is heard of the
 * database, it says that instead: what was true before may have changed.
 */
export function sentenceOf(
  connection: Connection,
  status: StatusReport | undefined,
  clock: { readonly nowMs: number; readonly offsetMs: number },
): Sentence | undefined {
  if (connection.state === "away" || connection.state === "lost") {
    const isAway = connection.state === "away";
    const since = isAway ? connection.since : new Date(connection.sinceMs + clock.offsetMs).toISOString();
    return {
      tone: isAway ? "warn" : "danger",
      icon: "unplugged",
      text: isAway
        ? `Database away since ${clockTime(since, clock.nowMs)}`
        : `Connection lost at ${clockTime(since, clock.nowMs)}`,
      facts: [
        status === undefined
          ? "Nothing was read since this page was opened"
          : `What you see is of ${clockTime(status.at, clock.nowMs)}, when it said: ${status.sentence.text}`,
        isAway
          ? "it goes on by itself when the database is back"
          : "it goes on by itself when the server answers",
      ],
    };
  }
  if (status === undefined) return undefined;
  const [tone, icon] = LOOKS[status.sentence.level];
  return { tone, icon, text: status.sentence.text, facts: factsOf(status, clock.nowMs) };
}

function factsOf({ walk, claim, slabs, leases, throughput }: StatusReport, nowMs: number): string[] {
  const facts = [walk.at === null ? "No walk has finished yet" : `Last walk ${ago(walk.at, nowMs)}`];
  facts.push(claim.at === null ? "nothing was claimed yet" : `last claim ${ago(claim.at, nowMs)}`);
  if (slabs.ready !== null && slabs.ready > 0) facts.push(`${counted(slabs.ready, "slab")} ready`);
  if (slabs.waiting !== null && slabs.waiting > 0) facts.push(`${counted(slabs.waiting, "slab")} waiting`);
  if (leases.running > 0) facts.push(`${counted(leases.running, "repair")} running`);
  if (throughput.secondsLeft !== null) facts.push(`about ${duration(throughput.secondsLeft)} left`);
  return facts;
}
