import { duration } from "../../../reports/duration.ts";
import type { StatusReport } from "../../../reports/status-schema.ts";
import { type Check, failure, ok, skipped, warning } from "./check.ts";

const REMEDY =
  "Start slabmend work --from-database. On AWS, check that claim's schedule is enabled, and read claim's log.";

/** Judges whether any process claims slabs. Pure. */
export function judgeClaims({
  mode,
  claim,
  walk,
  reap,
}: Pick<StatusReport, "mode" | "claim" | "walk" | "reap">): Check {
  const ago = (seconds: number | null): string => (seconds === null ? "never" : `${duration(seconds)} ago`);
  const says = `last claim ${ago(claim.ageSeconds)}, last complete walk ${ago(walk.ageSeconds)}, last reap ${ago(reap.ageSeconds)}`;
  if (mode.kind !== "running") return skipped("claims", `${mode.kind}; ${says}`);
  if (!claim.hasStopped) return ok("claims", says);
  // Only a warning if no claim has run yet: that is normal before the first start.
  return claim.at === null
    ? warning("claims", `no claim has run yet, so nothing is repaired`, REMEDY)
    : failure("claims", `claims have stopped, so nothing is repaired; ${says}`, REMEDY);
}
