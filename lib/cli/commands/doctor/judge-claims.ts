import { duration } from "../../../reports/duration.ts";
import type { StatusReport } from "../../../reports/status-schema.ts";
import { type Check, failure, ok, skipped, warning } from "./check.ts";

const REMEDY =
  "Start slabmend serve or slabmend work --from-database; on AWS look whether the schedule of claim is on, and at its log.";

/** Whether anything looks for slabs to repair. Pure. */
export function judgeClaims({
  mode,
  claim,
  walk,
  reap,
}: Pick<StatusReport, "mode" | "claim" | "walk" | "reap">): Check {
  const ago = (seconds: number | null): string => (seconds === null ? "never" : `${duration(seconds)} ago`);
  const says = `last claim ${ago(claim.ageSeconds)}, last whole walk ${ago(walk.ageSeconds)}, last reap ${ago(reap.ageSeconds)}`;
  if (mode.kind !== "running") return skipped("claims", `${mode.kind}; ${says}`);
  if (!claim.hasStopped) return ok("claims", says);
  // Before the first start that is as it should be.
  return claim.at === null
    ? warning("claims", `no claim has run yet: nothing is repaired`, REMEDY)
    : failure("claims", `claims have stopped: nothing is repaired; ${says}`, REMEDY);
}
