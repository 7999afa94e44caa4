/** Starts and controls the process that runs one version of slabmend. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { CaseName, Race, RaceResult, RepairSample, SideOrder, SideReport } from "./messages.ts";

export interface Side {
  repair(name: CaseName): Promise<RepairSample>;
  race(race: Race): Promise<RaceResult>;
  /** The percentage of CPU time that each area took. */
  profile(name: CaseName, repairs: number): Promise<Readonly<Record<string, number>>>;
  stop(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL("./side-process.ts", import.meta.url));

/** Starts the version in the checkout `root`, and returns after its warm-up. */
export async function startSide(root: string): Promise<Side> {
  const child = fork(PROGRAM, [root], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const exited = once(child, "exit");
  const next = async (): Promise<SideReport> => {
    const message = once(child, "message").then(([report]) => report as SideReport);
    const gone = exited.then(([code]): SideReport => ({ kind: "failed", message: `it ended with ${code}` }));
    const report = await Promise.race([message, gone]);
    if (report.kind === "failed") throw new Error(`${root}: ${report.message}`);
    return report;
  };
  const ask = (order: SideOrder): Promise<SideReport> => {
    const answer = next();
    child.send(order);
    return answer;
  };
  await next();
  return {
    async repair(name) {
      const report = await ask({ kind: "repair", name });
      if (report.kind !== "repaired") throw new Error(`expected a repair, got ${report.kind}`);
      return report.sample;
    },
    async race(race) {
      const report = await ask({ kind: "race", ...race });
      if (report.kind !== "raced") throw new Error(`expected a race, got ${report.kind}`);
      return report;
    },
    async profile(name, repairs) {
      const report = await ask({ kind: "profile", name, repairs });
      if (report.kind !== "profiled") throw new Error(`expected a profile, got ${report.kind}`);
      return report.shares;
    },
    async stop() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
