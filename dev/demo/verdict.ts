/** The demo's final sentence. Pure. */
import { counted } from "./progress.ts";
import type { Leftovers } from "./read-leftovers.ts";

export interface Judged {
  readonly damagedSectors: number;
  readonly repairedSectors: number;
  readonly objects: number;
  readonly killedWorkers: number;
  readonly hosts: number;
  readonly totalShards: number;
  readonly leftovers: Leftovers;
  readonly failures: readonly string[];
}

export interface Verdict {
  /** `partly`: sectors remain unhealthy only because no host may take them; `sentence` says so. */
  readonly kind: "passed" | "partly" | "failed";
  readonly sentence: string;
}

export function judgeRun(run: Judged): Verdict {
  const { damagedSectors, repairedSectors, leftovers, failures } = run;
  if (failures.length > 0) {
    const more = failures.length === 1 ? "" : `, and ${counted(failures.length - 1, "more problem")}`;
    return {
      kind: "failed",
      sentence: `FAILED: ${repairedSectors} of ${counted(damagedSectors, "damaged sector")} repaired; ${failures[0]}${more}.`,
    };
  }
  const killed = run.killedWorkers === 0 ? "" : `, though ${counted(run.killedWorkers, "worker")} died`;
  const read = `${counted(run.objects, "object")} read back as stored${killed}`;
  if (leftovers.withoutDestination > 0) {
    const { withoutDestination, goodHosts } = leftovers;
    return {
      kind: "partly",
      sentence:
        `PARTLY: ${counted(withoutDestination, "sector")} ${withoutDestination === 1 ? "has" : "have"} nowhere to go: ` +
        `${goodHosts} of ${counted(run.hosts, "host")} may take sectors, and each of them has one of those slabs ` +
        `of ${counted(run.totalShards, "shard")} already; ${repairedSectors} of ${damagedSectors} repaired, ${read}.`,
    };
  }
  return {
    kind: "passed",
    sentence: `PASSED: all ${counted(damagedSectors, "damaged sector")} repaired, ${read}.`,
  };
}
