import type { StatusReport } from "../openapi/reports.ts";
import type { Connection } from "./connection.ts";
import { ago, clockTime, counted, duration } from "./format.ts";
import type { IconName, Tone } from "./tone.ts";

export interface Sentence {
  readonly tone: Tone;
  readonly icon: IconName;
  readonly text: string;
  /** Supporting facts: ages and counts. */
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
 * The summary sentence. The server writes the sentence, so that `slabmend status` shows the same. While the server or
 * the database does not answer, the console says so in a sentence of its own, because the server's last sentence may be
 * outdated.
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
        ? `Database unreachable since ${clockTime(since, clock.nowMs)}`
        : `Connection lost at ${clockTime(since, clock.nowMs)}`,
      facts: [
        status === undefined
          ? "Nothing has been read since this page was opened"
          : `This page shows the state at ${clockTime(status.at, clock.nowMs)}: ${status.sentence.text}`,
        isAway ? "updates resume when the database is back" : "updates resume when the server answers",
      ],
    };
  }
  if (status === undefined) return undefined;
  const [tone, icon] = LOOKS[status.sentence.level];
  return { tone, icon, text: status.sentence.text, facts: factsOf(status, clock.nowMs) };
}

function factsOf({ walk, claim, slabs, leases, throughput }: StatusReport, nowMs: number): string[] {
  const facts = [walk.at === null ? "No walk has finished yet" : `Last walk ${ago(walk.at, nowMs)}`];
  facts.push(claim.at === null ? "no claim yet" : `last claim ${ago(claim.at, nowMs)}`);
  if (slabs.ready !== null && slabs.ready > 0) facts.push(`${counted(slabs.ready, "slab")} ready`);
  if (slabs.waiting !== null && slabs.waiting > 0) facts.push(`${counted(slabs.waiting, "slab")} waiting`);
  if (leases.running > 0) facts.push(`${counted(leases.running, "repair")} running`);
  if (throughput.secondsLeft !== null) facts.push(`about ${duration(throughput.secondsLeft)} left`);
  return facts;
}
